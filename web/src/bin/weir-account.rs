//! The pages of accounts.

fn main() {
    weir_web::launch(weir_web::account::PAGES);
}
