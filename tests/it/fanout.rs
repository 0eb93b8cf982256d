//! The benchmark on the program that is being tested, so that it cannot rot. Its figures mean
//! nothing here: the build is not optimised and the machine does other things.

use weir_bench::{Plan, fanout};

use crate::program::weir;

#[tokio::test(flavor = "multi_thread")]
async fn the_benchmark_works() {
    let plan = Plan::smoke();
    let report = fanout(weir(), &plan, &|_| {}).await.unwrap();
    let [row] = report.rows.as_slice() else {
        panic!("{report}");
    };
    assert_eq!(row.viewers, 3);
    // A busy machine may lose a packet on loopback, which is resent; more is a defect.
    assert!(row.loss.unwrap() < 0.01, "{report}");
    assert!(row.packets_per_second.unwrap() > 100.0, "{report}");
    assert!(row.packets_per_send.unwrap() >= 1.0, "{report}");
    assert!(
        row.floor_gso_us > 0.0 && row.floor_single_us > 0.0,
        "{report}"
    );
    let run = report.runs.iter().find(|run| run.viewers == 3).unwrap();
    assert!(run.aead, "{report}");
    assert!(run.server_us_per_second > 0.0, "{report}");
}
