//! The pages for whoever watches.

fn main() {
    weir_web::launch(weir_web::viewer::PAGES);
}
