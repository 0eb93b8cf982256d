//! A few letters drawn as strokes with round ends, so that the demo needs no fonts installed.

/// A greyscale shape: how much of each pixel it covers.
#[derive(Clone)]
pub struct Mask {
    /// Pixels, even.
    pub width: usize,
    /// Pixels, even.
    pub height: usize,
    /// 0 to 255, row by row.
    pub cover: Vec<u8>,
}

type Point = (f32, f32);

impl Mask {
    /// Pixels within the shape of a distance function (negative inside), with smooth edges.
    pub fn of(width: usize, height: usize, distance: impl Fn(f32, f32) -> f32) -> Self {
        let (width, height) = (width.next_multiple_of(2), height.next_multiple_of(2));
        let mut cover = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let inside = (0.5 - distance(x as f32 + 0.5, y as f32 + 0.5)).clamp(0.0, 1.0);
                cover.push((inside * 255.0) as u8);
            }
        }
        Self {
            width,
            height,
            cover,
        }
    }

    /// A filled circle.
    pub fn disc(diameter: usize) -> Self {
        let radius = diameter as f32 / 2.0;
        Self::of(diameter, diameter, |x, y| {
            (x - radius).hypot(y - radius) - radius
        })
    }

    /// A filled square with round corners.
    pub fn rounded_square(size: usize, corner: f32) -> Self {
        let half = size as f32 / 2.0;
        Self::of(size, size, |x, y| {
            let (x, y) = (
                (x - half).abs() - half + corner,
                (y - half).abs() - half + corner,
            );
            x.max(0.0).hypot(y.max(0.0)) + x.max(y).min(0.0) - corner
        })
    }

    /// One letter, `size` pixels high from the top of a capital to the baseline.
    pub fn letter(letter: char, size: f32, thickness: f32) -> Self {
        let (strokes, width) = strokes(letter);
        let margin = thickness;
        let pixels = |length: f32| (length * size + 2.0 * margin).ceil() as usize;
        let segments: Vec<(Point, Point)> = strokes
            .iter()
            .flat_map(|stroke| {
                // A stroke of one point is a dot.
                stroke.iter().zip(
                    stroke
                        .iter()
                        .skip(1)
                        .chain(stroke.last().filter(|_| stroke.len() == 1)),
                )
            })
            .map(|(from, to)| (scale(*from, size, margin), scale(*to, size, margin)))
            .collect();
        Self::of(pixels(width), pixels(1.0), |x, y| {
            segments
                .iter()
                .map(|(from, to)| to_segment((x, y), *from, *to))
                .fold(f32::MAX, f32::min)
                - thickness / 2.0
        })
    }
}

/// Width of a letter with the space after it, in units of its size.
pub fn advance(letter: char) -> f32 {
    const SPACE: f32 = 0.22;
    strokes(letter).1 + SPACE
}

fn scale((x, y): Point, size: f32, margin: f32) -> Point {
    (x * size + margin, y * size + margin)
}

fn to_segment(point: Point, from: Point, to: Point) -> f32 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx * dx + dy * dy;
    let along = if length == 0.0 {
        0.0
    } else {
        ((point.0 - from.0) * dx + (point.1 - from.1) * dy) / length
    };
    let along = along.clamp(0.0, 1.0);
    (point.0 - from.0 - along * dx).hypot(point.1 - from.1 - along * dy)
}

/// Part of an ellipse, in degrees; 0 is right, 90 is down.
fn arc(x: f32, y: f32, rx: f32, ry: f32, from: f32, to: f32) -> Vec<Point> {
    const STEPS: usize = 20;
    let angle = |step: usize| (from + (to - from) * step as f32 / STEPS as f32).to_radians();
    (0..=STEPS)
        .map(|step| (x + rx * angle(step).cos(), y + ry * angle(step).sin()))
        .collect()
}

/// Strokes of a letter in a box of height 1, and its width.
fn strokes(letter: char) -> (Vec<Vec<Point>>, f32) {
    let ring = |x, y, rx, ry| arc(x, y, rx, ry, 0.0, 360.0);
    match letter {
        '0' => {
            let mut stroke = arc(0.3, 0.3, 0.28, 0.3, 180.0, 360.0);
            stroke.extend(arc(0.3, 0.7, 0.28, 0.3, 0.0, 180.0));
            stroke.push((0.02, 0.3));
            (vec![stroke], 0.6)
        }
        '1' => (vec![vec![(0.12, 0.2), (0.36, 0.0), (0.36, 1.0)]], 0.6),
        '2' => {
            let mut stroke = arc(0.3, 0.28, 0.27, 0.28, 190.0, 395.0);
            stroke.extend([(0.03, 1.0), (0.58, 1.0)]);
            (vec![stroke], 0.6)
        }
        '3' => (
            vec![
                arc(0.3, 0.25, 0.25, 0.25, 200.0, 450.0),
                arc(0.3, 0.74, 0.28, 0.26, 275.0, 520.0),
            ],
            0.6,
        ),
        '4' => (
            vec![vec![(0.44, 1.0), (0.44, 0.0), (0.02, 0.7), (0.6, 0.7)]],
            0.6,
        ),
        '5' => {
            let mut stroke = vec![(0.54, 0.0), (0.1, 0.0), (0.06, 0.46)];
            stroke.extend(arc(0.29, 0.67, 0.29, 0.33, 222.0, 500.0));
            (vec![stroke], 0.6)
        }
        '6' => (
            vec![
                ring(0.3, 0.69, 0.28, 0.31),
                vec![(0.06, 0.55), (0.2, 0.28), (0.42, 0.0)],
            ],
            0.6,
        ),
        '7' => (vec![vec![(0.03, 0.0), (0.57, 0.0), (0.22, 1.0)]], 0.6),
        '8' => (
            vec![ring(0.3, 0.25, 0.23, 0.25), ring(0.3, 0.75, 0.28, 0.25)],
            0.6,
        ),
        '9' => (
            vec![
                ring(0.3, 0.31, 0.28, 0.31),
                vec![(0.54, 0.45), (0.4, 0.72), (0.18, 1.0)],
            ],
            0.6,
        ),
        ':' => (vec![vec![(0.08, 0.3)], vec![(0.08, 0.75)]], 0.16),
        '.' => (vec![vec![(0.08, 0.98)]], 0.16),
        'w' => (
            vec![vec![
                (0.0, 0.36),
                (0.2, 1.0),
                (0.4, 0.46),
                (0.6, 1.0),
                (0.8, 0.36),
            ]],
            0.8,
        ),
        'e' => {
            let mut stroke = vec![(0.02, 0.67)];
            stroke.extend(arc(0.3, 0.68, 0.29, 0.32, 0.0, -318.0));
            (vec![stroke], 0.58)
        }
        'i' => (
            vec![vec![(0.08, 0.36), (0.08, 1.0)], vec![(0.08, 0.1)]],
            0.16,
        ),
        'r' => (
            vec![
                vec![(0.06, 0.36), (0.06, 1.0)],
                arc(0.36, 0.68, 0.3, 0.32, 180.0, 285.0),
            ],
            0.42,
        ),
        'd' => (
            vec![ring(0.29, 0.68, 0.29, 0.32), vec![(0.58, 0.0), (0.58, 1.0)]],
            0.6,
        ),
        'm' => (
            vec![
                vec![(0.05, 0.36), (0.05, 1.0)],
                [arc(0.25, 0.57, 0.2, 0.21, 180.0, 360.0), vec![(0.45, 1.0)]].concat(),
                [arc(0.65, 0.57, 0.2, 0.21, 180.0, 360.0), vec![(0.85, 1.0)]].concat(),
            ],
            0.88,
        ),
        'o' => (vec![ring(0.3, 0.68, 0.29, 0.32)], 0.6),
        'U' => {
            let mut stroke = vec![(0.04, 0.0)];
            stroke.extend(arc(0.3, 0.7, 0.26, 0.3, 180.0, 0.0));
            stroke.push((0.56, 0.0));
            (vec![stroke], 0.6)
        }
        'T' => (
            vec![vec![(0.0, 0.0), (0.6, 0.0)], vec![(0.3, 0.0), (0.3, 1.0)]],
            0.6,
        ),
        'C' => (vec![arc(0.33, 0.5, 0.31, 0.5, -48.0, -312.0)], 0.56),
        _ => (Vec::new(), 0.3),
    }
}
