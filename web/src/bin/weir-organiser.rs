//! The pages for whoever runs events.

fn main() {
    weir_web::launch(weir_web::organiser::PAGES);
}
