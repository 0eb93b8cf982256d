"""Plays a WHEP address with aiortc for some seconds.

Prints how many pictures and pieces of sound were decoded, and after how many seconds the first was.
"""

import asyncio
import sys
import time
from urllib.parse import urljoin

import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription


async def play(url: str, seconds: float) -> None:
    connection = RTCPeerConnection()
    connection.addTransceiver("audio", direction="recvonly")
    connection.addTransceiver("video", direction="recvonly")
    decoded = {"audio": 0, "video": 0}
    first = None
    readers = []
    began = time.monotonic()

    @connection.on("track")
    def on_track(track):
        async def read():
            nonlocal first
            while True:
                await track.recv()
                first = first or time.monotonic() - began
                decoded[track.kind] += 1

        readers.append(asyncio.ensure_future(read()))

    await connection.setLocalDescription(await connection.createOffer())
    offer = connection.localDescription.sdp
    async with aiohttp.ClientSession() as http:
        fields = {"Content-Type": "application/sdp"}
        async with http.post(url, data=offer, headers=fields) as answer:
            text = await answer.text()
            assert answer.status == 201, f"{answer.status}: {text}"
            session = urljoin(url, answer.headers["Location"])
        await connection.setRemoteDescription(RTCSessionDescription(text, "answer"))
        await asyncio.sleep(seconds)
        print(decoded["video"], decoded["audio"], round(first or -1, 2), flush=True)
        async with http.delete(session) as answer:
            assert answer.status == 200, answer.status
    for reader in readers:
        reader.cancel()
    await connection.close()


asyncio.run(play(sys.argv[1], float(sys.argv[2])))
