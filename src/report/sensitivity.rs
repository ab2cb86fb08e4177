//! What a verdict hinges on: the same claims, made again with each assumption lowered and raised.
//!
//! A claim changes only when what it rests on changed beyond chance, and by as much as the verdict calls a difference.
//! What was near a boundary and crossed it by a hair is no hinge.

use super::finding::Finding;
use super::number::{fixed, percent};
use super::verdict::{COMPARED, ELSEWHERE, FULLEST, MAX_LISTED, SMALL, is_large, is_reached, listed, many_fail};
use crate::metrics::{
    Better, Estimate, FigureId, HEADLINE, LIMITS, Outcome, Sample, Sensitivity, Study, Varied, closest,
};
use crate::study::{CONFIDENCE, estimate, student_t};

/// Of the hundreds of changes that are looked at, one in twenty would pass for one at the confidence of intervals.
const CERTAIN: f64 = 0.999;

/// True for a change between pairs of runs that is hardly chance.
fn is_certain(change: &Estimate) -> bool {
    let wider = |half: f64| {
        let df = change.replications - 1;
        half * student_t(CERTAIN, df) / student_t(CONFIDENCE, df)
    };
    change.half_width.is_some_and(|half| change.mean.abs() > wider(half))
}

/// A study of sensitivity, read.
pub(super) struct Reading<'a> {
    pub(super) study: &'a Study,
    pub(super) sensitivity: &'a Sensitivity,
    /// Those with an effect on the verdict, the largest first; before them those on which it hinges.
    pub(super) effects: Vec<Effect<'a>>,
    /// Those that move nothing of the verdict by so much that it would be said.
    pub(super) faint: Vec<Effect<'a>>,
    /// Those that leave every figure of every run as it is.
    pub(super) idle: Vec<&'a Varied>,
}

/// What one assumption does.
pub(super) struct Effect<'a> {
    pub(super) varied: &'a Varied,
    pub(super) hinges: Vec<Hinge>,
    /// Every headline figure of every variant that changes.
    pub(super) moves: Vec<Move>,
}

/// A claim that another value changes.
pub(super) struct Hinge {
    /// True for the higher value.
    pub(super) is_higher: bool,
    /// What becomes of which claim.
    pub(super) words: String,
}

/// How far one figure of one variant moves.
pub(super) struct Move {
    pub(super) figure: FigureId,
    /// Position of the variant.
    pub(super) variant: usize,
    /// Its mean as assumed, over the same runs.
    pub(super) assumed: f64,
    /// With less minus as assumed, run by run.
    pub(super) lower: Option<Estimate>,
    /// With more minus as assumed, run by run.
    pub(super) higher: Option<Estimate>,
}

impl Move {
    /// The change by one of the two values, where there is any.
    pub(super) fn change(&self, is_higher: bool) -> Option<Estimate> {
        if is_higher { self.higher } else { self.lower }
    }
    /// The change as a share of the value as assumed, where it was found and there is something to be a share of.
    pub(super) fn relative(&self, is_higher: bool) -> Option<f64> {
        let change = self.change(is_higher)?;
        (is_certain(&change) && self.assumed != 0.0).then(|| change.mean / self.assumed.abs())
    }
    /// The larger one of the two changes.
    pub(super) fn size(&self) -> f64 {
        [false, true].into_iter().filter_map(|end| self.relative(end)).fold(0.0, |size, share| size.max(share.abs()))
    }
}

impl Effect<'_> {
    /// The figure of the verdict that moves most, where one does.
    pub(super) fn largest(&self, figures: &[FigureId]) -> Option<&Move> {
        let stated = self.moves.iter().filter(|moved| figures.contains(&moved.figure) && moved.size() > 0.0);
        // of equal ones the first
        stated.reduce(|a, b| if b.size() > a.size() { b } else { a })
    }
    /// How far it moves; 0 where nothing does.
    pub(super) fn size(&self, figures: &[FigureId]) -> f64 {
        self.largest(figures).map_or(0.0, Move::size)
    }
}

impl<'a> Reading<'a> {
    /// `None` where no assumption was changed.
    pub(super) fn of(study: &'a Study) -> Option<Reading<'a>> {
        let sensitivity = study.sensitivity.as_ref()?;
        let figures = stated(study);
        let (mut effects, mut faint, mut idle) = (Vec::new(), Vec::new(), Vec::new());
        for varied in &sensitivity.assumptions {
            let tried = varied.outcomes().into_iter().filter_map(|(end, outcome)| Some((end, outcome.as_ref().ok()?)));
            if tried.clone().all(|(_, outcome)| is_same(&sensitivity.assumed, &outcome.samples)) {
                idle.push(varied);
                continue;
            }
            let claims = Claims { study, was: &sensitivity.assumed, figures: &figures };
            let hinges = tried.flat_map(|(end, outcome)| claims.changed(end, &outcome.samples)).collect();
            let effect = Effect { varied, hinges, moves: moves(study, sensitivity, varied) };
            if effect.hinges.is_empty() && effect.size(&figures) < SMALL {
                faint.push(effect)
            } else {
                effects.push(effect)
            }
        }
        // stable: equal ones stay in the order of their paths
        effects.sort_by(|a, b| {
            let key = |effect: &Effect<'_>| (u8::from(!effect.hinges.is_empty()), effect.size(&figures));
            let ((b_hinges, b_size), (a_hinges, a_size)) = (key(b), key(a));
            b_hinges.cmp(&a_hinges).then(b_size.total_cmp(&a_size))
        });
        Some(Reading { study, sensitivity, effects, faint, idle })
    }

    /// Every assumption that does anything, in the order of its effect.
    pub(super) fn all(&self) -> impl Iterator<Item = &Effect<'a>> {
        self.effects.iter().chain(&self.faint)
    }

    /// The assumptions on which the verdict hinges.
    pub(super) fn hinges(&self) -> impl Iterator<Item = &Effect<'a>> {
        self.effects.iter().filter(|effect| !effect.hinges.is_empty())
    }

    /// How many assumptions could be changed at all.
    fn tried(&self) -> usize {
        self.sensitivity.assumptions.iter().filter(|varied| is_tried(varied)).count()
    }

    /// How it was made, in a sentence or two.
    pub(super) fn method(&self) -> String {
        let n = self.tried();
        format!(
            "Sensitivity: {} halved and doubled in turn (or to the ends of what was measured, where these are farther), {} \
             runs of each variant with the random numbers of the study's first ones. What the scenario says itself is not \
             changed.",
            if n == 1 { "1 assumption".to_owned() } else { format!("{n} assumptions") },
            self.sensitivity.replications
        )
    }

    /// What is not in the table, in sentences.
    pub(super) fn notes(&self) -> Vec<String> {
        let paths = |list: Vec<&Varied>| -> Vec<String> { list.into_iter().map(place).collect() };
        let faint = paths(self.faint.iter().map(|effect| effect.varied).collect());
        let idle = paths(self.idle.iter().copied().filter(|varied| is_tried(varied)).collect());
        let mut notes = Vec::new();
        if !faint.is_empty() {
            notes.push(format!("Less than 2 % of every figure of the verdict: {}.", faint.join(", ")));
        }
        if !idle.is_empty() {
            notes.push(format!("Without any effect: {}.", idle.join(", ")));
        }
        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        let mut say = |why: &'a str, what: String| match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, list)) => list.push(what),
            None => reasons.push((why, vec![what])),
        };
        for varied in &self.sensitivity.assumptions {
            match (&varied.lower, &varied.higher) {
                (Err(a), Err(b)) if a == b => say(a, place(varied)),
                (lower, higher) => {
                    let _ = lower.as_ref().map_err(|why| say(why, format!("less {}", place(varied))));
                    let _ = higher.as_ref().map_err(|why| say(why, format!("more {}", place(varied))));
                }
            }
        }
        notes.extend(reasons.into_iter().map(|(why, list)| format!("Not tried, since {why}: {}.", list.join(", "))));
        notes
    }
}

/// True when at least one other value was run.
fn is_tried(varied: &Varied) -> bool {
    varied.outcomes().iter().any(|(_, outcome)| outcome.is_ok())
}

/// Where an assumption stands.
fn place(varied: &Varied) -> String {
    match varied.places {
        0 | 1 => varied.assumption.path.clone(),
        n => format!("{} ({n} places)", varied.assumption.path),
    }
}

/// One row of the table of effects.
pub(super) struct Cells {
    /// Where it stands.
    pub(super) assumption: String,
    pub(super) assumed: String,
    /// The figure that moves most, and of which variant.
    pub(super) figure: String,
    pub(super) lower: String,
    pub(super) higher: String,
}

impl Reading<'_> {
    /// The row of an effect.
    pub(super) fn cells(&self, effect: &Effect<'_>) -> Cells {
        let largest = effect.largest(&stated(self.study));
        let end = |is_higher: bool| {
            let Some(tried) = effect.varied.tried(is_higher) else { return "not tried".to_owned() };
            format!("{} at {tried}", signed(largest.and_then(|moved| moved.relative(is_higher))))
        };
        let figure = |moved: &Move| match self.study.variants.len() {
            1 => moved.figure.title(),
            _ => format!("{}, {}", moved.figure.title(), self.study.variants[moved.variant].name),
        };
        Cells {
            assumption: place(effect.varied),
            assumed: effect.varied.assumption.value.clone(),
            figure: largest.map_or_else(|| "no figure".to_owned(), figure),
            lower: end(false),
            higher: end(true),
        }
    }
}

/// The last sentence of a verdict.
pub(super) fn sentence(study: &Study) -> Option<String> {
    let reading = Reading::of(study)?;
    let n = reading.tried();
    let hinges: Vec<&str> = reading.hinges().map(|effect| effect.varied.assumption.path.as_str()).collect();
    Some(match (n, hinges.len()) {
        (0, _) => "There is no assumption to change.".to_owned(),
        (_, 0) => format!("Halving or doubling any of the {n} assumptions changes none of this."),
        (_, few) if few <= MAX_LISTED => format!("Of {n} assumptions, this hinges on {}.", listed(&hinges)),
        (_, many) => format!(
            "Of {n} assumptions, this hinges on {many}: {} and {} more.",
            hinges[..MAX_LISTED].join(", "),
            many - MAX_LISTED
        ),
    })
}

/// The figures of which a verdict of this study speaks.
pub(super) fn stated(study: &Study) -> Vec<FigureId> {
    let has = |id: &&str| study.variants.iter().any(|variant| variant.figure(id).is_some());
    let fullest = FULLEST.into_iter().find(has);
    let ids = fullest.into_iter().chain([ELSEWHERE]).chain(COMPARED).filter(has);
    ids.map(|id| id.parse().expect("figures of the verdict are figures")).collect()
}

/// True when every figure of every run is the same.
fn is_same(was: &[Sample], now: &[Sample]) -> bool {
    was.iter().zip(now).all(|(was, now)| was.figures == now.figures)
}

/// Every headline figure of every variant that is not the same in all runs.
fn moves(study: &Study, sensitivity: &Sensitivity, varied: &Varied) -> Vec<Move> {
    let mut list = Vec::new();
    for figure in HEADLINE.into_iter().filter_map(|id| id.parse::<FigureId>().ok()) {
        let at = position(&figure);
        for variant in 0..study.variants.len() {
            let was = column(&sensitivity.assumed[variant], at);
            let change = |outcome: &Result<Outcome, String>| {
                let now = column(&outcome.as_ref().ok()?.samples[variant], at);
                paired(&now, &was).filter(|change| change.min != 0.0 || change.max != 0.0)
            };
            let (lower, higher) = (change(&varied.lower), change(&varied.higher));
            if let (true, Some(assumed)) = (lower.is_some() || higher.is_some(), mean(&was)) {
                list.push(Move { figure, variant, assumed, lower, higher });
            }
        }
    }
    list
}

/// Where a figure stands among those of a run.
fn position(figure: &FigureId) -> usize {
    FigureId::all().position(|other| other == *figure).expect("every figure is one of all")
}

/// One figure, run by run.
fn column(sample: &Sample, at: usize) -> Vec<Option<f64>> {
    sample.figures.iter().map(|run| run.get(at).copied().flatten()).collect()
}

fn mean(values: &[Option<f64>]) -> Option<f64> {
    estimate(&values.iter().copied().flatten().collect::<Vec<f64>>()).map(|estimate| estimate.mean)
}

/// Run by run, what the first has more than the second.
fn minus(first: &[Option<f64>], second: &[Option<f64>]) -> Vec<Option<f64>> {
    first.iter().zip(second).map(|(a, b)| Some((*a)? - (*b)?)).collect()
}

fn paired(first: &[Option<f64>], second: &[Option<f64>]) -> Option<Estimate> {
    estimate(&minus(first, second).into_iter().flatten().collect::<Vec<f64>>())
}

/// What a verdict claims, to be held against other runs.
struct Claims<'a> {
    study: &'a Study,
    was: &'a [Sample],
    figures: &'a [FigureId],
}

/// How one variant stands against another in one figure.
struct Gap {
    runs: Vec<Option<f64>>,
    /// The value of the other one.
    base: f64,
    words: &'static str,
}

impl Gap {
    fn between(sample: &Sample, other: &Sample, at: usize) -> Option<Gap> {
        let theirs = column(other, at);
        let runs = minus(&column(sample, at), &theirs);
        let difference = estimate(&runs.iter().copied().flatten().collect::<Vec<f64>>())?;
        let base = mean(&theirs)?.abs();
        let words = match Finding::of(&difference, Better::Neither) {
            finding if !is_large(finding, &difference, base) => "no difference of 2 %",
            Finding::Higher(_) => "higher",
            _ => "lower",
        };
        Some(Gap { runs, base, words })
    }
}

impl Claims<'_> {
    /// The claims that other runs change.
    fn changed(&self, is_higher: bool, now: &[Sample]) -> Vec<Hinge> {
        let mut words = self.connecting(now);
        words.extend(self.orders(now));
        words.extend(self.expectations(now));
        words.extend(self.limit(now));
        words.into_iter().map(|words| Hinge { is_higher, words }).collect()
    }

    fn name(&self, variant: usize) -> &str {
        &self.study.variants[variant].name
    }

    /// The pairs of variants that are compared: all of few, of many those with the baseline, which stands second.
    fn pairs(&self) -> Vec<(usize, usize)> {
        let (n, baseline) = (self.study.variants.len(), self.study.baseline);
        let mut pairs: Vec<(usize, usize)> = (0..n).filter(|&i| i != baseline).map(|i| (i, baseline)).collect();
        if n <= MAX_LISTED {
            let others: Vec<usize> = (0..n).filter(|&i| i != baseline).collect();
            let rest = others.iter().enumerate().flat_map(|(k, &b)| others[k + 1..].iter().map(move |&a| (a, b)));
            pairs.extend(rest);
        }
        pairs
    }

    /// Which of two variants has more of something.
    fn orders(&self, now: &[Sample]) -> Vec<String> {
        let mut words = Vec::new();
        for figure in self.figures {
            let at = position(figure);
            for (a, b) in self.pairs() {
                let gap = |samples: &[Sample]| Gap::between(&samples[a], &samples[b], at);
                let (Some(was), Some(is)) = (gap(self.was), gap(now)) else { continue };
                let Some(change) = paired(&is.runs, &was.runs).filter(|_| was.words != is.words) else { continue };
                if is_certain(&change) && change.mean.abs() >= SMALL * was.base {
                    let (a, b) = (self.name(a), self.name(b));
                    words.push(format!("{}, {a} against {b}: {} → {}", figure.title(), was.words, is.words));
                }
            }
        }
        words
    }

    /// True when a figure of a variant is another one by more than chance.
    fn is_moved(&self, now: &[Sample], variant: usize, at: usize) -> bool {
        paired(&column(&now[variant], at), &column(&self.was[variant], at)).is_some_and(|change| is_certain(&change))
    }

    /// With which variants many cannot connect.
    fn connecting(&self, now: &[Sample]) -> Vec<String> {
        let Ok(figure) = "connections.failed".parse::<FigureId>() else { return Vec::new() };
        let at = position(&figure);
        let fail = |sample: &Sample| {
            estimate(&column(sample, at).into_iter().flatten().collect::<Vec<f64>>()).is_some_and(|e| many_fail(&e))
        };
        let turned = (0..now.len()).filter(|&v| fail(&self.was[v]) != fail(&now[v]) && self.is_moved(now, v, at));
        let word = |fails: bool| if fails { "many cannot connect" } else { "clients can connect" };
        turned.map(|v| format!("{}: {} → {}", self.name(v), word(fail(&self.was[v])), word(fail(&now[v])))).collect()
    }

    /// Which expectations hold.
    fn expectations(&self, now: &[Sample]) -> Vec<String> {
        let first = FigureId::all().count();
        let word = |holds: bool| if holds { "holds" } else { "does not hold" };
        let mut words = Vec::new();
        for (variant, (was, is)) in self.was.iter().zip(now).enumerate() {
            let outcomes = self.study.variants[variant].expectations.iter().enumerate();
            for (at, outcome) in outcomes {
                let (was, is) = (was.holds[at], is.holds[at]);
                if was != is && self.is_moved(now, variant, first + at) {
                    words.push(format!("{}: `{}` {} → {}", self.name(variant), outcome.text, word(was), word(is)));
                }
            }
        }
        words
    }

    /// What comes closest to its limit, and whether it gets there.
    fn limit(&self, now: &[Sample]) -> Option<String> {
        let tightest = |samples: &[Sample]| {
            let shares = samples.iter().flat_map(|sample| {
                LIMITS.into_iter().filter_map(|limit| {
                    let figure: FigureId = limit.figure.parse().expect("limits are figures");
                    let values: Vec<f64> = column(sample, position(&figure)).into_iter().flatten().collect();
                    Some((limit.name, estimate(&values)?.mean))
                })
            });
            closest(shares, |(_, share)| *share)
        };
        let (was, is) = (tightest(self.was)?, tightest(now)?);
        let is_other = was.0 != is.0 || is_reached(was.1) != is_reached(is.1);
        let words = |(what, share): (&str, f64)| match is_reached(share) {
            true => format!("{what} at its limit"),
            false => format!("{what} closest to its limit ({})", percent(share)),
        };
        (is_other && is.1 > 0.0).then(|| format!("{} → {}", words(was), words(is)))
    }
}

/// A change as a share with its sign: `+85 %`, `−0.4 %`; `~` where none was found.
pub(super) fn signed(share: Option<f64>) -> String {
    let Some(share) = share else { return "~".to_owned() };
    let sign = if share < 0.0 { '−' } else { '+' };
    let size = share.abs() * 100.0;
    format!("{sign}{} %", fixed(size, if size < 10.0 { 1 } else { 0 }))
}
