//! A sheet to draw on: plotters' SVG backend in half pixels, with the title, description and dashes that it lacks.

use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle};

/// Drawing units per pixel: the backend knows whole numbers only, and steps of a pixel show.
const FINENESS: f64 = 2.0;
/// plotters divides font sizes by this.
const FONT_FACTOR: f64 = 1.24;

/// Text and frames.
pub(super) const INK: RGBColor = RGBColor(0x1B, 0x1F, 0x24);
/// Secondary text.
pub(super) const MUTED: RGBColor = RGBColor(0x5B, 0x64, 0x70);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(0xE3, 0xE6, 0xEA);
/// Lines of the many.
pub(super) const CROWD: RGBColor = RGBColor(0xB4, 0xBA, 0xC2);
/// Shaded regions.
pub(super) const SHADE: RGBColor = RGBColor(0xF1, 0xF3, 0xF5);
/// What is drawn on.
pub(super) const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);

/// Okabe and Ito's colours, those with the most contrast to paper first; the yellow one is too light for lines.
pub(super) const PALETTE: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x22, 0x22, 0x22),
];
/// Each colour has its dashes, so that a chart can be read without colours.
const DASHES: [&str; 7] = ["", "16 7", "4 6", "20 6 4 6", "28 8", "10 5 4 5 4 5", "2 4"];

/// Colour of the i-th series; grey once the colours are used up.
pub(super) fn series_color(i: usize) -> RGBColor {
    PALETTE.get(i).copied().unwrap_or(CROWD)
}

/// Dashes of the i-th series in a sample of 24 pixels.
pub(super) fn key_dashes(i: usize) -> &'static str {
    const SMALL: [&str; 7] = ["none", "8 3", "2 3", "9 3 2 3", "12 4", "5 2 2 2", "1 2"];
    SMALL.get(i).copied().unwrap_or("none")
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A sheet; positions are in pixels from the upper left corner.
pub(super) struct Canvas<'a> {
    backend: SVGBackend<'a>,
}

/// Draws an SVG image of this size.
pub(super) fn draw(width: f64, height: f64, paint: impl FnOnce(&mut Canvas<'_>)) -> String {
    let mut buffer = String::new();
    let size = (units(width) as u32, units(height) as u32);
    let mut canvas = Canvas { backend: SVGBackend::with_string(&mut buffer, size) };
    canvas.rect((0.0, 0.0), (width, height), PAPER);
    paint(&mut canvas);
    canvas.backend.present().expect("a string takes every write");
    drop(canvas);
    dashed(buffer)
}

/// How much wider a text may be with the font of another machine; to be kept in mind at edges.
pub(super) const WIDER: f64 = 1.2;

/// Width of a text in pixels, near enough to keep labels apart.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.56
}

/// `text`, cut to about `width` pixels.
pub(super) fn shortened(text: &str, width: f64, size: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let fitting = (width / text_width("m", size)) as usize;
    let mut short: String = text.chars().take(fitting.saturating_sub(1)).collect();
    short.push('…');
    short
}

impl Canvas<'_> {
    /// A filled rectangle between two corners.
    pub(super) fn rect(&mut self, from: (f64, f64), to: (f64, f64), color: RGBColor) {
        let drawn = self.backend.draw_rect(point(from), point(to), &color.filled(), true);
        drawn.expect("a string takes every write");
    }
    /// A filled rectangle, paler than what stands upon it.
    pub(super) fn pale_rect(&mut self, from: (f64, f64), to: (f64, f64), color: RGBColor) {
        let drawn = self.backend.draw_rect(point(from), point(to), &color.mix(0.3).filled(), true);
        drawn.expect("a string takes every write");
    }
    /// A straight line.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), color: RGBColor, width: f64) {
        let drawn = self.backend.draw_line(point(from), point(to), &stroke(color, width));
        drawn.expect("a string takes every write");
    }
    /// A line through many points.
    pub(super) fn path(&mut self, points: &[(f64, f64)], color: RGBColor, width: f64) {
        if points.len() < 2 {
            return points.iter().for_each(|&at| self.dot(at, width, color));
        }
        let mut places: Vec<(i32, i32)> = points.iter().map(|&at| point(at)).collect();
        drop_straight(&mut places);
        self.backend.draw_path(places, &stroke(color, width)).expect("a string takes every write");
    }
    /// A filled polygon.
    pub(super) fn polygon(&mut self, points: &[(f64, f64)], color: RGBColor) {
        let mut places: Vec<(i32, i32)> = points.iter().map(|&at| point(at)).collect();
        drop_straight(&mut places);
        self.backend.fill_polygon(places, &color.filled()).expect("a string takes every write");
    }
    /// A polygon through which what is below can be seen.
    pub(super) fn veil(&mut self, points: &[(f64, f64)], color: RGBColor, density: f64) {
        let mut places: Vec<(i32, i32)> = points.iter().map(|&at| point(at)).collect();
        drop_straight(&mut places);
        self.backend.fill_polygon(places, &color.mix(density).filled()).expect("a string takes every write");
    }
    /// A filled circle.
    pub(super) fn dot(&mut self, at: (f64, f64), radius: f64, color: RGBColor) {
        let drawn = self.backend.draw_circle(point(at), units(radius).max(1) as u32, &color.filled(), true);
        drawn.expect("a string takes every write");
    }
    /// A text whose middle line is at `at`.
    pub(super) fn text(&mut self, at: (f64, f64), text: &str, size: f64, color: RGBColor, anchor: Anchor) {
        self.styled(at, text, size, color, anchor, FontStyle::Normal);
    }
    /// A bold text whose middle line is at `at`.
    pub(super) fn bold(&mut self, at: (f64, f64), text: &str, size: f64, color: RGBColor, anchor: Anchor) {
        self.styled(at, text, size, color, anchor, FontStyle::Bold);
    }
    fn styled(&mut self, at: (f64, f64), text: &str, size: f64, color: RGBColor, anchor: Anchor, weight: FontStyle) {
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let font = ("sans-serif", size * FINENESS * FONT_FACTOR).into_font().style(weight);
        let style = TextStyle::from(font).color(&color).pos(Pos::new(horizontal, VPos::Center));
        self.backend.draw_text(text, &style, point(at)).expect("a string takes every write");
    }
}

fn units(pixels: f64) -> i32 {
    libm::round(pixels * FINENESS) as i32
}

fn point((x, y): (f64, f64)) -> (i32, i32) {
    (units(x), units(y))
}

fn stroke(color: RGBColor, width: f64) -> ShapeStyle {
    color.stroke_width(units(width).max(1) as u32)
}

/// Leaves out points in the middle of horizontal and vertical lines; they cost bytes and show nothing.
fn drop_straight(points: &mut Vec<(i32, i32)>) {
    let mut kept: Vec<(i32, i32)> = Vec::with_capacity(points.len());
    for &next in points.iter() {
        while let [.., a, b] = kept[..] {
            let is_level = a.1 == b.1 && b.1 == next.1 && (b.0 - a.0) * (next.0 - b.0) >= 0;
            let is_upright = a.0 == b.0 && b.0 == next.0 && (b.1 - a.1) * (next.1 - b.1) >= 0;
            if !(is_level || is_upright) {
                break;
            }
            kept.pop();
        }
        kept.push(next);
    }
    *points = kept;
}

/// How dense each of so many veils is, so that what lies below all of them can still be seen.
pub(super) fn density(veils: usize) -> f64 {
    (0.66 / veils.max(1) as f64).min(0.22)
}

/// Gives each colour of the palette its dashes.
fn dashed(mut svg: String) -> String {
    for (color, dash) in PALETTE.iter().zip(DASHES).filter(|(_, dash)| !dash.is_empty()) {
        let plain = format!("stroke=\"#{:02X}{:02X}{:02X}\"", color.0, color.1, color.2);
        svg = svg.replace(&plain, &format!("{plain} stroke-dasharray=\"{dash}\""));
    }
    svg
}
