//! The pages for whoever streams.

fn main() {
    weir_web::launch(weir_web::studio::PAGES);
}
