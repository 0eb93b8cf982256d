//! A shard's data channels.

use std::time::Instant;

use str0m::channel::{ChannelData, ChannelId, Reliability};

use super::{Output, SessionKey, Shard};
use crate::{
    DataEvent, SendDataError, SessionId,
    data::{LABEL, MAX_MESSAGE, OpenChannel},
};

impl Shard {
    /// Sends a message to a client over its channel. Ordered and reliable once it is taken.
    ///
    /// # Errors
    /// See [`SendDataError`]; nothing was sent.
    pub fn handle_send_data(
        &mut self,
        now: Instant,
        id: SessionId,
        text: bool,
        bytes: &[u8],
    ) -> Result<(), SendDataError> {
        let key = *self.by_id.get(&id).ok_or(SendDataError::NoSession)?;
        let session = self.sessions.get_mut(&key);
        let common = session.ok_or(SendDataError::NoSession)?.common_mut();
        let open = common.channel.as_ref().ok_or(SendDataError::NotOpen)?;
        if bytes.len() > MAX_MESSAGE {
            return Err(SendDataError::TooLarge);
        }
        if bytes.is_empty() {
            return Err(SendDataError::Empty);
        }
        let rtc = &mut common.transport.rtc;
        let mut channel = rtc.channel(open.id).ok_or(SendDataError::NotOpen)?;
        match channel.write(!text, bytes) {
            Ok(true) => {}
            Ok(false) => return Err(SendDataError::Full),
            // The one thing left that it can mind is the limit in the client's offer.
            Err(error) => {
                tracing::debug!(%error, session = %id, "message not taken");
                return Err(SendDataError::TooLarge);
            }
        }
        self.counters.data_out += 1;
        // str0m seals in its timeout.
        common.transport.advance(now);
        self.pump(now, key);
        Ok(())
    }

    /// Closes a client's channel: what it sent cannot be taken. Says [`DataEvent::Closed`].
    pub fn handle_close_data(&mut self, now: Instant, id: SessionId) {
        if let Some(&key) = self.by_id.get(&id) {
            self.close_channel(key);
            self.pump(now, key);
        }
    }

    pub(super) fn channel_opened(&mut self, key: SessionKey, channel: ChannelId, label: &str) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let common = session.common_mut();
        let rtc = &mut common.transport.rtc;
        let fits = rtc.channel(channel).is_some_and(|channel| {
            let config = channel.config();
            config.is_some_and(|c| c.ordered && c.reliability == Reliability::Reliable)
        });
        if label != LABEL || !fits || common.channel.is_some() {
            tracing::debug!(session = %common.id, fits, "a channel that is not served");
            rtc.direct_api().close_data_channel(channel);
            return;
        }
        common.channel = Some(OpenChannel::new(channel));
        let event = DataEvent::Opened {
            stream: common.stream.original(),
            session: common.id,
        };
        self.outputs.push_back(Output::Data(event));
    }

    pub(super) fn channel_data(&mut self, now: Instant, key: SessionKey, data: ChannelData) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let common = session.common_mut();
        let Some(open) = common.channel.as_mut().filter(|open| open.id == data.id) else {
            return;
        };
        if !open.admit(now, data.data.len()) {
            tracing::info!(session = %common.id, "a client sends too much on its channel");
            self.close_channel(key);
            return;
        }
        self.counters.data_in += 1;
        let event = DataEvent::Message {
            stream: common.stream.original(),
            session: common.id,
            text: !data.binary,
            bytes: data.data,
        };
        self.outputs.push_back(Output::Data(event));
    }

    pub(super) fn channel_closed(&mut self, key: SessionKey, channel: ChannelId) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let common = session.common_mut();
        if common.channel.take_if(|open| open.id == channel).is_some() {
            let event = DataEvent::Closed {
                stream: common.stream.original(),
                session: common.id,
            };
            self.outputs.push_back(Output::Data(event));
        }
    }

    /// The room hears of it now; the client does with the next drain.
    fn close_channel(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let common = session.common_mut();
        if let Some(id) = common.channel.as_ref().map(|open| open.id) {
            common.transport.rtc.direct_api().close_data_channel(id);
            self.channel_closed(key, id);
        }
    }
}
