//! Which rungs are encoded: those that somebody needs, as far as the machine can.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::{info, warn};
use weir_media::{Demand, HlsOutput};
use weir_protocol::finding::{FindingCode, FindingReport, Severity};

use super::{Outputs, route::Route};
use crate::{
    link::message::FromWorker,
    worker::{
        encode::{Decoder, Encoders, Overload, Rung, Step},
        fail,
    },
};

/// A rung that was started goes on for so long, even if nobody needs it any more.
const HOLD: Duration = Duration::from_secs(5);

/// The frame rate of the first rung is divided by so much at most.
const MOST_THIN: u32 = 4;

/// The rungs of one source.
#[derive(Debug)]
pub(super) struct Rungs {
    outputs: Outputs,
    encoders: Encoders,
    routes: Vec<Arc<Route>>,
    /// So many, the first among them, are the source's own pictures.
    own: usize,
    demand: Demand,
    /// Since when each lower rung is made, for RTP and for HLS.
    since: Vec<[Option<Instant>; 2]>,
    overload: Overload,
    /// What was left out, in this order.
    shed: Vec<Shed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shed {
    /// A rung.
    Rung(usize),
    /// Every other picture of the first.
    Pictures,
}

impl Rungs {
    pub(super) fn new(outputs: Outputs) -> Self {
        let encoders = Encoders::new(outputs.requests.clone());
        Self {
            outputs,
            encoders,
            routes: Vec::new(),
            own: 1,
            demand: Demand::default(),
            since: Vec::new(),
            overload: Overload::default(),
            shed: Vec::new(),
        }
    }

    /// The rungs are these from now on, of which the first `own` have the source's pictures; see
    /// [`Encoders::replan`].
    pub(super) fn replan(&mut self, plan: Vec<Rung>, size: Option<(u32, u32)>, own: usize) {
        self.own = own;
        for route in &self.routes {
            route.set(false, false);
        }
        self.encoders.replan(plan, size);
        let plan = self.encoders.plan();
        self.routes = (0..plan.len())
            .map(|number| Arc::new(Route::new(self.outputs.clone(), plan.clone(), number)))
            .collect();
        self.since = vec![[None; 2]; plan.len()];
        // What another picture costs is another question.
        if !std::mem::take(&mut self.shed).is_empty() {
            self.report();
        }
        // Always: the worker before this one may have left some out.
        self.withhold();
        self.overload = Overload::default();
    }

    /// The rungs that there may be; none before the source's size is known.
    pub(super) fn plan(&self) -> &[Rung] {
        self.encoders.plan()
    }

    /// The encoders, for what concerns all of them.
    pub(super) fn encoders(&mut self) -> &mut Encoders {
        &mut self.encoders
    }

    /// Whether the first rung is to be encoded, for RTP and for HLS; else its pictures are the source's.
    pub(super) fn encode_first(&mut self, rtp: bool, hls: bool) {
        if let Some(route) = self.routes.first() {
            route.set(rtp, hls);
        }
    }

    /// Which rungs are needed from now on.
    pub(super) fn set_demand(&mut self, demand: Demand) {
        self.demand = demand;
    }

    /// Whether viewers need the first rung, by WebRTC.
    pub(super) fn first_is_watched(&self) -> bool {
        self.demand.rtp & 1 != 0
    }

    /// Whether any rung is needed, so that the source must be decoded.
    pub(super) fn any(&self) -> bool {
        self.routes.iter().any(|route| route.any())
    }

    /// Switches the rungs' outputs as they are needed.
    pub(super) fn switch(&mut self) {
        let now = Instant::now();
        for number in self.own..self.routes.len() {
            let shed = self.shed.contains(&Shed::Rung(number));
            let mut on = [false; 2];
            for (at, bits) in [self.demand.rtp, self.demand.hls].into_iter().enumerate() {
                let since = &mut self.since[number][at];
                let wanted = bits & 1 << number != 0;
                let held = since.is_some_and(|since| now.duration_since(since) < HOLD);
                on[at] = !shed && (wanted || held);
                *since = on[at].then(|| since.unwrap_or(now));
            }
            self.routes[number].set(on[0], on[1]);
        }
    }

    /// Starts the encoders of rungs that have somewhere to go, and stops the others. `bitrate` is the
    /// first rung's.
    pub(super) fn run(&mut self, bitrate: u32) {
        for number in 0..self.routes.len() {
            let route = &self.routes[number];
            if !route.any() {
                self.encoders.stop(number);
            } else if !self.encoders.runs(number) {
                let bits = if number == 0 {
                    bitrate
                } else {
                    self.encoders.plan()[number].bitrate
                };
                let route = route.clone();
                let started =
                    self.encoders
                        .start(number, bits, self.outputs.encoder(), move |picture| {
                            route.picture(picture)
                        });
                if let Err(error) = started {
                    fail(format!("{error:#}"));
                }
                self.thin_out();
            }
        }
        self.encoders.set_bitrate(0, bitrate);
    }

    /// Looks whether encoding keeps up with the source, and does less if not.
    pub(super) fn look(&mut self, decoder: Option<&Decoder>, starved: bool) {
        let late = decoder.is_some_and(Decoder::is_late);
        // Always asked, so that what was dropped is counted once.
        let suffers = self.encoders.suffer() | late | starved;
        let next = self.most_expensive();
        match self
            .overload
            .look(Instant::now(), suffers && self.any(), next.is_some())
        {
            Some(Step::Shed) => {
                let Some(next) = next else { return };
                warn!(shed = self.name(next), "encoding is too slow: doing less");
                self.shed.push(next);
            }
            Some(Step::Restore) => {
                let Some(last) = self.shed.pop() else { return };
                info!(
                    restored = self.name(last),
                    "encoding keeps up: doing more again"
                );
            }
            None => return,
        }
        self.thin_out();
        self.withhold();
        self.switch();
        self.report();
    }

    /// Tells the origin what not to wait for.
    fn withhold(&self) {
        let rungs = self.shed.iter().fold(0, |rungs, shed| match shed {
            Shed::Rung(number) => rungs | 1 << number,
            Shed::Pictures => rungs,
        });
        self.outputs.outbox.send_hls(HlsOutput::Withheld(rungs));
    }

    /// What to do without next: the lower rung that costs most; then pictures of the first, if that is
    /// encoded here.
    fn most_expensive(&self) -> Option<Shed> {
        let plan = self.encoders.plan();
        let rung = (1..plan.len())
            .filter(|number| self.encoders.runs(*number))
            .filter(|number| !self.shed.contains(&Shed::Rung(*number)))
            .max_by_key(|number| plan[*number].cost());
        let pictures = self.encoders.runs(0) && self.step() < MOST_THIN;
        rung.map(Shed::Rung)
            .or_else(|| pictures.then_some(Shed::Pictures))
    }

    /// One of so many pictures of the first rung is encoded.
    fn step(&self) -> u32 {
        let halved = self.shed.iter().filter(|shed| **shed == Shed::Pictures);
        1 << halved.count()
    }

    fn thin_out(&self) {
        self.encoders.thin_out(0, self.step());
    }

    fn name(&self, shed: Shed) -> String {
        match shed {
            Shed::Rung(number) => self
                .plan()
                .get(number)
                .map_or_else(String::new, |rung| rung.name.clone()),
            Shed::Pictures => "half of the pictures".to_owned(),
        }
    }

    /// Tells the streamer.
    fn report(&self) {
        let active = !self.shed.is_empty();
        let rungs: Vec<_> = self
            .shed
            .iter()
            .filter(|shed| **shed != Shed::Pictures)
            .map(|shed| self.name(*shed))
            .collect();
        let values = BTreeMap::from([
            ("rungs_left_out".to_owned(), rungs.len() as f64),
            ("frame_rate_divided_by".to_owned(), f64::from(self.step())),
        ]);
        let words = BTreeMap::from([("rungs".to_owned(), rungs.join(", "))]);
        self.outputs
            .outbox
            .send(&FromWorker::Finding(FindingReport {
                code: FindingCode::Overload,
                severity: Severity::Warning,
                active,
                values,
                words,
                repaired: active,
            }));
    }
}
