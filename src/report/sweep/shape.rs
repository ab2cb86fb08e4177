//! How the points of a sweep lie: along a line, on a grid, or scattered.

use std::collections::BTreeMap;

use crate::study::{Kind, Points};

/// A path that has more than one value.
pub(in crate::report) struct Dimension {
    pub(in crate::report) path: String,
    /// Each value once: by size where they are numbers of a kind, else as they come.
    pub(in crate::report) values: Vec<String>,
    /// The same as numbers.
    pub(in crate::report) numbers: Option<(Kind, Vec<f64>)>,
    /// Position among the values, by point.
    pub(in crate::report) of: Vec<usize>,
}

impl Dimension {
    /// Of numbers in ascending order, a point each.
    pub(in crate::report) fn of_numbers(path: &str, kind: Kind, numbers: Vec<f64>) -> Dimension {
        let values = numbers.iter().map(|&number| kind.write(number)).collect();
        Dimension { path: path.to_owned(), values, of: (0..numbers.len()).collect(), numbers: Some((kind, numbers)) }
    }
    fn of(points: &Points, column: usize) -> Dimension {
        let mut values: Vec<String> = Vec::new();
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &points.rows {
            known.entry(&row[column]).or_insert_with(|| {
                values.push(row[column].clone());
                values.len() - 1
            });
        }
        let read: Option<Vec<(Kind, f64)>> = values.iter().map(|value| Kind::read(value)).collect();
        let read = read.filter(|read| !read.is_empty());
        let common = read.as_ref().and_then(|read| read.iter().try_fold(read[0].0, |kind, other| kind.common(other.0)));
        let mut order: Vec<usize> = (0..values.len()).collect();
        let numbers = read.zip(common).map(|(read, kind)| {
            order.sort_by(|&a, &b| read[a].1.total_cmp(&read[b].1));
            (kind, order.iter().map(|&at| read[at].1).collect())
        });
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, &old)| place[old] = new);
        let of = points.rows.iter().map(|row| place[known[row[column].as_str()]]).collect();
        let values = order.iter().map(|&at| values[at].clone()).collect();
        Dimension { path: points.paths[column].clone(), values, numbers, of }
    }
}

/// A combination of values, as positions among those of each path, and the points at (first, second) of the other two paths.
pub(in crate::report) type Facet = (Vec<usize>, BTreeMap<(usize, usize), usize>);

/// How the points lie.
pub(in crate::report) enum Shape {
    /// One point.
    Single,
    /// One path has several values.
    Line(Dimension),
    /// Every combination of the values is there.
    Grid {
        /// The first path, and the second one.
        axes: [Dimension; 2],
        /// The others.
        others: Vec<Dimension>,
        /// For each combination of these.
        facets: Vec<Facet>,
    },
    /// Anything else.
    Scattered(Vec<Dimension>),
}

impl Shape {
    pub(in crate::report) fn of(points: &Points) -> Shape {
        let all = (0..points.paths.len()).map(|column| Dimension::of(points, column));
        let mut varied: Vec<Dimension> = all.filter(|dimension| dimension.values.len() > 1).collect();
        let combinations = varied.iter().map(|dimension| dimension.values.len()).fold(1, usize::saturating_mul);
        // points are never twice the same
        if combinations != points.len() {
            return Shape::Scattered(varied);
        }
        match varied.len() {
            0 => Shape::Single,
            1 => Shape::Line(varied.swap_remove(0)),
            _ => {
                let others = varied.split_off(2);
                let mut facets: BTreeMap<Vec<usize>, BTreeMap<(usize, usize), usize>> = BTreeMap::new();
                for point in 0..points.len() {
                    let facet = others.iter().map(|dimension: &Dimension| dimension.of[point]).collect();
                    facets.entry(facet).or_default().insert((varied[0].of[point], varied[1].of[point]), point);
                }
                let axes = <[Dimension; 2]>::try_from(varied).unwrap_or_else(|_| unreachable!("two are left"));
                Shape::Grid { axes, others, facets: facets.into_iter().collect() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(table: &str) -> Shape {
        Shape::of(&Points::table(table).expect("points"))
    }

    #[test]
    fn values_are_in_the_order_of_their_size() {
        let Shape::Line(line) = shape("a,b\n10%,x\n9.5%,x\n100%,x\n") else { panic!("one path varies") };
        assert_eq!(
            (line.path.as_str(), &line.values[..]),
            ("a", &["9.5%".to_owned(), "10%".into(), "100%".into()][..])
        );
        assert_eq!(line.of, [1, 0, 2]);
        let Shape::Line(line) = shape("a\n10ms\nb\n9ms\n") else { panic!("one path varies") };
        assert_eq!(line.values, ["10ms", "b", "9ms"]);
        assert!(line.numbers.is_none());
        let Shape::Line(line) = shape("a\n10\n2.5\n") else { panic!("one path varies") };
        assert_eq!(line.numbers, Some((Kind::Number, vec![2.5, 10.0])));
    }

    #[test]
    fn a_full_grid_is_one_whatever_the_order_of_its_points() {
        let Shape::Grid { axes, others, facets } =
            shape("a,b,c\n2,x,1\n1,x,1\n1,y,1\n2,y,1\n2,x,0\n1,x,0\n1,y,0\n2,y,0\n")
        else {
            panic!("every combination is there")
        };
        assert_eq!([&axes[0].path, &axes[1].path], ["a", "b"]);
        let values: Vec<&str> = facets.iter().map(|(facet, _)| others[0].values[facet[0]].as_str()).collect();
        assert_eq!((others[0].path.as_str(), &values[..]), ("c", &["0", "1"][..]));
        assert_eq!(facets[1].1[&(0, 1)], 2);
        assert!(matches!(shape("a,b\n1,1\n2,2\n3,1\n"), Shape::Scattered(dimensions) if dimensions.len() == 2));
        assert!(matches!(shape("a,b\n1,1\n"), Shape::Single));
    }
}
