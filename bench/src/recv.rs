//! Receiving many datagrams with one system call, with the kernel's time of their arrival.

use std::{
    io,
    mem::{self, MaybeUninit},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    ptr,
};

use socket2::{Domain, Protocol, Socket, Type};

/// Trains (GRO) taken with one system call. A viewer has a frame and one or two audio packets
/// between two looks at its socket.
const TRAINS: usize = 8;

/// Longest train.
const TRAIN_BYTES: usize = 65_535;

/// Control data of a message: a segment size and a time.
const CONTROL_WORDS: usize = 16;

/// Receive buffer: a second of media where the system grants it, so that a generator that has to
/// wait for a core loses nothing.
const RECEIVE_BUFFER: usize = 1 << 20;

/// A datagram, and when the kernel had it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Datagram<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) bytes: &'a [u8],
    /// Nanoseconds since the Unix epoch. On loopback a datagram arrives when it is sent.
    pub(crate) arrived: u64,
}

/// A non-blocking UDP socket of a viewer: trains are not taken apart, arrivals are stamped.
pub(crate) fn socket(address: IpAddr) -> io::Result<UdpSocket> {
    let domain = if address.is_ipv4() {
        Domain::IPV4
    } else {
        Domain::IPV6
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    // The system may give less; what is lost is counted.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(address, 0).into())?;
    set_flag(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS)?;
    set_flag(&socket, libc::SOL_UDP, libc::UDP_GRO)?;
    Ok(socket.into())
}

fn set_flag(socket: &Socket, level: libc::c_int, name: libc::c_int) -> io::Result<()> {
    let one: libc::c_int = 1;
    // SAFETY: the pointer and the length are those of a live integer.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            ptr::from_ref(&one).cast(),
            mem::size_of_val(&one) as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Room for one receive; one per thread.
pub(crate) struct Receiver {
    trains: Vec<Vec<u8>>,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        Self {
            trains: (0..TRAINS).map(|_| vec![0; TRAIN_BYTES]).collect(),
        }
    }

    /// Takes everything that waits at the socket.
    pub(crate) fn receive(
        &mut self,
        socket: &UdpSocket,
        mut each: impl FnMut(Datagram<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        loop {
            let mut names = [const { MaybeUninit::<libc::sockaddr_storage>::uninit() }; TRAINS];
            let mut controls = [[0_u64; CONTROL_WORDS]; TRAINS];
            let mut slices: [libc::iovec; TRAINS] = std::array::from_fn(|i| libc::iovec {
                iov_base: self.trains[i].as_mut_ptr().cast(),
                iov_len: TRAIN_BYTES,
            });
            let mut messages: [libc::mmsghdr; TRAINS] = std::array::from_fn(|i| {
                // SAFETY: all zeros is a valid value of this plain C structure.
                let mut message: libc::mmsghdr = unsafe { mem::zeroed() };
                message.msg_hdr.msg_name = names[i].as_mut_ptr().cast();
                message.msg_hdr.msg_namelen =
                    mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
                message.msg_hdr.msg_iov = &raw mut slices[i];
                message.msg_hdr.msg_iovlen = 1;
                message.msg_hdr.msg_control = controls[i].as_mut_ptr().cast();
                message.msg_hdr.msg_controllen = mem::size_of_val(&controls[i]) as _;
                message
            });
            // SAFETY: every pointer in `messages` is to an array above that outlives the call, with
            // its true length.
            let taken = unsafe {
                libc::recvmmsg(
                    socket.as_raw_fd(),
                    messages.as_mut_ptr(),
                    TRAINS as libc::c_uint,
                    libc::MSG_DONTWAIT as _,
                    ptr::null_mut(),
                )
            };
            let taken = match usize::try_from(taken) {
                Ok(taken) => taken,
                Err(_) => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                    // A peer that is gone tells so by ICMP.
                    error if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                    error if error.kind() == io::ErrorKind::Interrupted => continue,
                    error => return Err(error.into()),
                },
            };
            for (number, message) in messages.iter().enumerate().take(taken) {
                let train = &self.trains[number][..(message.msg_len as usize).min(TRAIN_BYTES)];
                // SAFETY: the kernel wrote the address of this message.
                let Some(from) = (unsafe { address(&names[number]) }) else {
                    continue;
                };
                let (segment, arrived) = control(&message.msg_hdr);
                for bytes in train.chunks(segment.unwrap_or(train.len()).max(1)) {
                    each(Datagram {
                        from,
                        bytes,
                        arrived,
                    })?;
                }
            }
            if taken < TRAINS {
                return Ok(());
            }
        }
    }
}

/// # Safety
/// The kernel has filled in the name.
unsafe fn address(name: &MaybeUninit<libc::sockaddr_storage>) -> Option<SocketAddr> {
    let pointer = name.as_ptr();
    // SAFETY: the caller says that it is initialised at least as far as its family says.
    unsafe {
        match i32::from((*pointer).ss_family) {
            libc::AF_INET => {
                let v4 = &*pointer.cast::<libc::sockaddr_in>();
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                Some(SocketAddr::new(ip.into(), u16::from_be(v4.sin_port)))
            }
            libc::AF_INET6 => {
                let v6 = &*pointer.cast::<libc::sockaddr_in6>();
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                Some(SocketAddr::new(ip.into(), u16::from_be(v6.sin6_port)))
            }
            _ => None,
        }
    }
}

/// Size of a train's segments, when it is one, and the time of arrival.
fn control(header: &libc::msghdr) -> (Option<usize>, u64) {
    let (mut segment, mut arrived) = (None, 0);
    // SAFETY: the kernel wrote the control data and its length; the macros stay inside of it, and
    // values are read without asking for alignment.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(header);
        while let Some(message) = next.as_ref() {
            let data = libc::CMSG_DATA(message);
            match (message.cmsg_level, message.cmsg_type) {
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    let size: libc::c_int = ptr::read_unaligned(data.cast());
                    segment = usize::try_from(size).ok();
                }
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    let time: libc::timespec = ptr::read_unaligned(data.cast());
                    arrived = time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64;
                }
                _ => {}
            }
            next = libc::CMSG_NXTHDR(header, message);
        }
    }
    (segment, arrived)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{clock, sockets::BatchSocket};

    #[test]
    fn a_train_comes_apart_with_its_time() {
        let receiver = socket(Ipv4Addr::LOCALHOST.into()).unwrap();
        let sender = BatchSocket::bind().unwrap();
        let to = receiver.local_addr().unwrap();
        let contents: Vec<u8> = (0..2_500_u32).map(|n| (n / 1_000) as u8).collect();
        let before = clock::unix_nanos();
        assert!(sender.send(&contents, 1_000, to).unwrap());
        assert!(sender.send(&[9; 20], 20, to).unwrap());
        let mut seen = Vec::new();
        Receiver::new()
            .receive(&receiver, |datagram| {
                assert_eq!(datagram.from, sender.address());
                let after = clock::unix_nanos();
                assert!((before..=after).contains(&datagram.arrived), "{datagram:?}");
                seen.push((datagram.bytes[0], datagram.bytes.len()));
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, [(0, 1_000), (1, 1_000), (2, 500), (9, 20)]);
    }
}
