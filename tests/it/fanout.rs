//! The load generator on the program that is being tested, so that neither rots. Its figures mean
//! nothing here: the build is not optimised and the machine does other things. `fanout` itself is
//! tested beside its program, in `bench/tests`.

use weir_bench::{LoadPlan, Target, load};

use crate::program::weir;

#[tokio::test(flavor = "multi_thread")]
async fn viewers_of_the_benchmark_watch_the_program() {
    let plan = LoadPlan::smoke(Target::Serve(weir().to_owned()));
    let report = load(&plan, &|_| {}).await.unwrap();
    assert_eq!(report.receiving, 3, "{report}");
    assert_eq!(
        report.refused + report.failed + report.silent,
        0,
        "{report}"
    );
    // A busy machine may lose a packet on loopback, which is resent; more is a defect.
    assert!(report.loss.unwrap().max < 0.01, "{report}");
    assert_eq!(report.rejected, 0, "{report}");
    assert_eq!(report.transport_cc, 3, "{report}");
    let gcm = |profile: &String| profile.contains("GCM");
    assert!(report.profiles.keys().all(gcm), "{report}");
    assert!(report.server_us_per_second.unwrap() > 0.0, "{report}");
    assert!(report.packets_per_send.unwrap() >= 1.0, "{report}");
}
