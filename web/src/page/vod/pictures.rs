//! Preview pictures of a recording: WebVTT whose cues are addresses of pictures, relative to the file.

/// A picture and the moment that it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// From the recording's beginning, in seconds.
    pub at_s: f64,
    /// Where it is.
    pub address: String,
}

/// Reads the file that was found at `address`. What is no cue of a picture is left out.
pub fn read(address: &str, text: &str) -> Vec<Preview> {
    let folder = address.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut lines = text.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let Some((from, _)) = line.split_once(" --> ") else {
            continue;
        };
        let (Some(at_s), Some(file)) = (seconds(from.trim()), lines.next()) else {
            continue;
        };
        let file = file.trim();
        if !file.is_empty() {
            found.push(Preview {
                at_s,
                address: format!("{folder}/{file}"),
            });
        }
    }
    found
}

/// `01:02:03.500` or `02:03.500`.
fn seconds(text: &str) -> Option<f64> {
    text.split(':').try_fold(0.0, |sum, part| {
        let number: f64 = part.parse().ok().filter(|it: &f64| it.is_finite())?;
        Some(sum * 60.0 + number)
    })
}

/// At most so many, evenly over the whole.
pub fn some(previews: &[Preview], count: usize) -> Vec<Preview> {
    if previews.len() <= count {
        return previews.to_vec();
    }
    (0..count)
        .map(|n| previews[n * previews.len() / count].clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "WEBVTT\n\nNOTE\n0 is 2026-11-22T10:00:00Z\n\n00:00:00.000 --> 00:00:10.000\nthumbnails/1.jpg\n\n\
                        00:00:10.000 --> 01:00:00.500\nthumbnails/2.jpg\n";

    #[test]
    fn pictures_are_found_beside_the_file() {
        let found = read("/vod/7/thumbnails.vtt", FILE);
        let expected = [
            (0.0, "/vod/7/thumbnails/1.jpg"),
            (10.0, "/vod/7/thumbnails/2.jpg"),
        ];
        let found: Vec<(f64, &str)> = found.iter().map(|it| (it.at_s, &*it.address)).collect();
        assert_eq!(found, expected);
        assert_eq!(seconds("01:02:03.500"), Some(3_723.5));
        assert_eq!(seconds("x"), None);
        assert!(read("/a.vtt", "WEBVTT\n\nno --> cue").is_empty());
    }

    #[test]
    fn some_are_spread_over_the_whole() {
        let all: Vec<Preview> = (0..100)
            .map(|n| Preview {
                at_s: f64::from(n),
                address: String::new(),
            })
            .collect();
        let at: Vec<f64> = some(&all, 4).iter().map(|it| it.at_s).collect();
        assert_eq!(at, [0.0, 25.0, 50.0, 75.0]);
        assert_eq!(some(&all[..3], 4).len(), 3);
    }
}
