//! The demo's picture, drawn straight into I420.

use std::collections::HashMap;

use super::glyph::{Mask, advance};

/// All measures below are for this height and are scaled to the real one.
const DESIGN_HEIGHT: f32 = 720.0;
/// How long the lamp is lit each second.
const LAMP_MS: u64 = 100;
/// Seconds in which the ball goes across and back.
const BALL_PERIOD: f32 = 8.0;

/// BT.709, limited range.
#[derive(Clone, Copy)]
struct Colour {
    y: u8,
    u: u8,
    v: u8,
}

const fn rgb(red: u8, green: u8, blue: u8) -> Colour {
    let (r, g, b) = (red as f32, green as f32, blue as f32);
    let luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    Colour {
        y: (16.5 + luma * 219.0 / 255.0) as u8,
        u: (128.5 + (b - luma) / 1.8556 * 224.0 / 255.0) as u8,
        v: (128.5 + (r - luma) / 1.5748 * 224.0 / 255.0) as u8,
    }
}

const WHITE: Colour = rgb(255, 255, 255);
const TITLE: Colour = rgb(236, 244, 252);
const ACCENT: Colour = rgb(64, 224, 208);
const DIM: Colour = rgb(140, 165, 190);
const LAMP_OFF: Colour = rgb(34, 52, 76);
const SKY: [(f32, f32, f32); 2] = [(9.0, 16.0, 34.0), (24.0, 66.0, 104.0)];
const WATER: [Colour; 3] = [rgb(28, 92, 132), rgb(20, 116, 148), rgb(10, 66, 106)];
const BARS: [Colour; 6] = [
    rgb(235, 80, 80),
    rgb(240, 170, 60),
    rgb(235, 225, 90),
    rgb(90, 200, 110),
    rgb(80, 140, 240),
    rgb(190, 100, 220),
];

/// Draws pictures of one size.
pub struct Picture {
    width: usize,
    height: usize,
    scale: f32,
    background: Vec<u8>,
    letters: HashMap<(char, u32), Mask>,
    lamp: Mask,
    ball: Mask,
}

/// What a picture shows.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Milliseconds since 1970, UTC. The lamp lights and the ball lands at whole seconds.
    pub unix_ms: u64,
    /// Number of the picture.
    pub number: u64,
}

/// Sizes of text: height and thickness at design size.
const CLOCK: (u32, f32) = (132, 17.0);
const FRACTION: (u32, f32) = (72, 10.0);
const NAME: (u32, f32) = (72, 11.0);
const SMALL: (u32, f32) = (24, 3.4);

impl Picture {
    /// `width` must be a multiple of 8 and `height` of 2, which makes planes without padding.
    pub fn new(width: usize, height: usize) -> Self {
        let scale = height as f32 / DESIGN_HEIGHT;
        let mut picture = Self {
            width,
            height,
            scale,
            background: vec![0; width * height * 3 / 2],
            letters: HashMap::new(),
            lamp: Mask::rounded_square(even(112.0 * scale), 26.0 * scale),
            ball: Mask::disc(even(56.0 * scale)),
        };
        picture.paint_background();
        for (letters, style) in [
            ("0123456789:", CLOCK),
            ("0123456789.", FRACTION),
            ("weirdmo", NAME),
            ("0123456789UTC", SMALL),
        ] {
            for letter in letters.chars() {
                let mask = Mask::letter(letter, style.0 as f32 * scale, style.1 * scale);
                picture.letters.insert((letter, style.0), mask);
            }
        }
        let mut background = std::mem::take(&mut picture.background);
        let end = picture.text(&mut background, "weir", 64.0, 64.0, NAME, TITLE);
        picture.text(&mut background, "demo", end + 22.0, 64.0, NAME, ACCENT);
        let bar = Mask::rounded_square(even(36.0 * scale), 10.0 * scale);
        for (index, colour) in BARS.iter().enumerate() {
            let x = picture.right() - 64.0 - 112.0 - 40.0 - (BARS.len() - index) as f32 * 50.0;
            picture.stamp(&mut background, &bar, x, 102.0, *colour);
        }
        picture.background = background;
        picture
    }

    /// Bytes of one picture.
    pub fn size(&self) -> usize {
        self.background.len()
    }

    /// Draws the picture of a moment into `frame`, which has [`Picture::size`] bytes.
    pub fn draw(&self, moment: Moment, frame: &mut [u8]) {
        frame.copy_from_slice(&self.background);
        let in_second = moment.unix_ms % 1000;
        let lamp = if in_second < LAMP_MS { WHITE } else { LAMP_OFF };
        self.stamp(frame, &self.lamp, self.right() - 64.0 - 112.0, 64.0, lamp);
        self.clock(frame, moment.unix_ms);

        // The phase repeats after a whole number of turns of all waves.
        let time = (moment.unix_ms % 600_000) as f32 / 1000.0;
        let surface = self.waves(time);
        self.water(frame, &surface[0], &surface[1], WATER[0]);
        self.ball(frame, time, &surface[1]);
        self.water(frame, &surface[1], &surface[2], WATER[1]);
        let bottom = vec![self.height as f32; surface[2].len()];
        self.water(frame, &surface[2], &bottom, WATER[2]);
        let number = format!("{:07}", moment.number);
        self.text(frame, &number, 64.0, DESIGN_HEIGHT - 56.0, SMALL, DIM);
    }

    /// Right edge at design size.
    fn right(&self) -> f32 {
        self.width as f32 / self.scale
    }

    fn clock(&self, frame: &mut [u8], unix_ms: u64) {
        let seconds = unix_ms / 1000 % 86_400;
        let clock = format!(
            "{:02}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        );
        let fraction = format!(".{:03}", unix_ms % 1000);
        let width = text_width(&clock, CLOCK) + text_width(&fraction, FRACTION);
        let x = (self.right() - width) / 2.0;
        let y = 238.0;
        let end = self.text(frame, &clock, x, y, CLOCK, TITLE);
        let end = self.text(
            frame,
            &fraction,
            end,
            y + (CLOCK.0 - FRACTION.0) as f32,
            FRACTION,
            ACCENT,
        );
        self.text(
            frame,
            "UTC",
            end - text_width("UTC", SMALL) - 14.0,
            y + 4.0,
            SMALL,
            DIM,
        );
    }

    /// Heights of three wave fronts, back to front, in pixels, one for each two columns.
    fn waves(&self, time: f32) -> [Vec<f32>; 3] {
        [
            (540.0, 13.0, 0.0075, 0.9),
            (588.0, 15.0, 0.0058, -0.7),
            (642.0, 11.0, 0.0091, 1.2),
        ]
        .map(|(base, swing, pitch, speed)| {
            (0..self.width / 2)
                .map(|column| {
                    let x = (column * 2) as f32 / self.scale;
                    let wave = (x * pitch + time * speed).sin()
                        + 0.45 * (x * pitch * 2.3 - time * speed * 1.6).sin();
                    (base + swing * wave) * self.scale
                })
                .collect()
        })
    }

    /// Fills each pair of columns from one wave front down to the next, with a smooth upper edge.
    fn water(&self, frame: &mut [u8], from: &[f32], to: &[f32], colour: Colour) {
        let (luma, chroma) = frame.split_at_mut(self.width * self.height);
        let (us, vs) = chroma.split_at_mut(self.width * self.height / 4);
        for (column, (from, to)) in from.iter().zip(to).enumerate() {
            let first = (*from as usize).min(self.height - 1);
            // The next front blends over its own edge, so this one goes a little below it.
            let last = (*to as usize + 3).min(self.height);
            let covered = 1.0 - from.fract();
            for x in [column * 2, column * 2 + 1] {
                let edge = &mut luma[first * self.width + x];
                *edge = mix(*edge, colour.y, (covered * 255.0) as u8);
                for y in first + 1..last {
                    luma[y * self.width + x] = colour.y;
                }
            }
            for y in first.div_ceil(2)..last / 2 {
                us[y * self.width / 2 + column] = colour.u;
                vs[y * self.width / 2 + column] = colour.v;
            }
        }
    }

    /// The ball crosses the picture in hops of a second, and touches the water at each whole one.
    fn ball(&self, frame: &mut [u8], time: f32, surface: &[f32]) {
        let across = (time / BALL_PERIOD).fract();
        let across = if across < 0.5 {
            across * 2.0
        } else {
            2.0 - across * 2.0
        };
        let hop = time.fract();
        let size = self.ball.width as f32 / self.scale;
        let x = 120.0 + across * (self.right() - 240.0 - size);
        let column = ((x + size / 2.0) * self.scale / 2.0) as usize;
        let water = surface[column.min(surface.len() - 1)] / self.scale;
        let y = water - size + 6.0 - 150.0 * 4.0 * hop * (1.0 - hop);
        self.stamp(frame, &self.ball, x, y, ACCENT);
    }

    /// Writes text with its upper left corner at a place of design size; returns where it ends.
    fn text(
        &self,
        frame: &mut [u8],
        text: &str,
        mut x: f32,
        y: f32,
        style: (u32, f32),
        colour: Colour,
    ) -> f32 {
        for letter in text.chars() {
            if let Some(mask) = self.letters.get(&(letter, style.0)) {
                self.stamp(frame, mask, x - style.1, y - style.1, colour);
            }
            x += advance(letter) * style.0 as f32;
        }
        x
    }

    /// Lays a shape in a colour over the frame; its corner is rounded to whole chroma samples.
    fn stamp(&self, frame: &mut [u8], mask: &Mask, x: f32, y: f32, colour: Colour) {
        let left = (x * self.scale / 2.0).round().max(0.0) as usize * 2;
        let top = (y * self.scale / 2.0).round().max(0.0) as usize * 2;
        let (luma, chroma) = frame.split_at_mut(self.width * self.height);
        let (us, vs) = chroma.split_at_mut(self.width * self.height / 4);
        let width = mask.width.min(self.width.saturating_sub(left));
        let height = mask.height.min(self.height.saturating_sub(top));
        for row in 0..height {
            let cover = &mask.cover[row * mask.width..][..width];
            let line = &mut luma[(top + row) * self.width + left..][..width];
            for (pixel, cover) in line.iter_mut().zip(cover) {
                *pixel = mix(*pixel, colour.y, *cover);
            }
        }
        for row in (0..height).step_by(2) {
            let at = (top + row) / 2 * self.width / 2 + left / 2;
            for column in 0..width / 2 {
                let corner = row * mask.width + column * 2;
                let sum = |at: usize| u16::from(mask.cover[at]) + u16::from(mask.cover[at + 1]);
                let cover = ((sum(corner) + sum(corner + mask.width)) / 4) as u8;
                us[at + column] = mix(us[at + column], colour.u, cover);
                vs[at + column] = mix(vs[at + column], colour.v, cover);
            }
        }
    }

    fn paint_background(&mut self) {
        let (luma, chroma) = self.background.split_at_mut(self.width * self.height);
        let (us, vs) = chroma.split_at_mut(self.width * self.height / 4);
        for y in 0..self.height {
            let at = y as f32 / self.height as f32;
            let blend = |from: f32, to: f32| (from + (to - from) * at) as u8;
            let [(r0, g0, b0), (r1, g1, b1)] = SKY;
            let colour = rgb(blend(r0, r1), blend(g0, g1), blend(b0, b1));
            luma[y * self.width..][..self.width].fill(colour.y);
            us[y / 2 * self.width / 2..][..self.width / 2].fill(colour.u);
            vs[y / 2 * self.width / 2..][..self.width / 2].fill(colour.v);
        }
    }
}

fn text_width(text: &str, style: (u32, f32)) -> f32 {
    text.chars()
        .map(|letter| advance(letter) * style.0 as f32)
        .sum()
}

fn even(length: f32) -> usize {
    ((length / 2.0).round() as usize * 2).max(2)
}

fn mix(below: u8, above: u8, cover: u8) -> u8 {
    let cover = u32::from(cover);
    ((u32::from(below) * (255 - cover) + u32::from(above) * cover + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Luma in the middle of the lamp.
    fn lamp(unix_ms: u64) -> u8 {
        let picture = Picture::new(640, 360);
        let mut frame = vec![0; picture.size()];
        picture.draw(Moment { unix_ms, number: 0 }, &mut frame);
        frame[60 * 640 + 640 - 60]
    }

    #[test]
    fn the_lamp_is_lit_for_a_tenth_of_each_second() {
        assert!(lamp(1_700_000_000_000) > 230);
        assert!(lamp(1_700_000_000_099) > 230);
        assert!(lamp(1_700_000_000_100) < 80);
        assert!(lamp(1_700_000_000_999) < 80);
    }

    #[test]
    fn pictures_of_all_sizes_can_be_drawn() {
        for (width, height) in [
            (64, 36),
            (320, 180),
            (1280, 720),
            (1920, 1080),
            (720, 1280),
            (8, 2),
        ] {
            let picture = Picture::new(width, height);
            let mut frame = vec![0; picture.size()];
            for unix_ms in (0..20_000).step_by(333) {
                picture.draw(
                    Moment {
                        unix_ms,
                        number: u64::MAX,
                    },
                    &mut frame,
                );
            }
        }
    }
}
