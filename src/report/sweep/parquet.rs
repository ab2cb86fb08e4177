//! `sweep.parquet`: the long table with typed columns, for programs that read large tables.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use crate::metrics::PointReport;
use crate::report::json::unit_name;
use crate::study::Points;

/// So many rows are collected before they are written: memory does not grow with the sweep.
const GROUP_ROWS: usize = 100_000;

/// The columns between the variant and the unit: numbers that may be absent.
const NUMBERS: [&str; 6] = ["value", "half_width_95", "min", "max", "difference", "difference_half_width_95"];

/// Writes the table group by group.
pub(super) struct ParquetTable<'a, W: Write + Send> {
    points: &'a Points,
    writer: SerializedFileWriter<W>,
    rows: Rows,
}

/// Rows that are not written yet, column by column.
#[derive(Default)]
struct Rows {
    point: Vec<i32>,
    /// The swept values, then variant, family, statistic, unit.
    texts: Vec<Vec<ByteArray>>,
    numbers: [Vec<Option<f64>>; NUMBERS.len()],
    replications: Vec<i32>,
}

impl<'a, W: Write + Send> ParquetTable<'a, W> {
    pub(super) fn new(points: &'a Points, to: W) -> io::Result<ParquetTable<'a, W>> {
        let column = |name: &str, physical, repetition, logical| {
            let column = Type::primitive_type_builder(name, physical).with_repetition(repetition);
            Arc::new(column.with_logical_type(logical).build().expect("a column of its own name and type"))
        };
        let text = |name: &str| column(name, Physical::BYTE_ARRAY, Repetition::REQUIRED, Some(LogicalType::String));
        let mut columns = vec![column("point", Physical::INT32, Repetition::REQUIRED, None)];
        columns.extend(points.paths.iter().map(|path| text(path)));
        columns.extend(["variant", "family", "statistic", "unit"].map(text));
        columns.extend(NUMBERS.map(|name| column(name, Physical::DOUBLE, Repetition::OPTIONAL, None)));
        columns.push(column("replications", Physical::INT32, Repetition::REQUIRED, None));
        let schema = Type::group_type_builder("sweep").with_fields(columns).build().expect("names differ");
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        // the library's default names its own version: bytes are to hang on the sweep alone
        let properties = properties.set_created_by(concat!("stickysim ", env!("CARGO_PKG_VERSION")).to_owned());
        let writer =
            SerializedFileWriter::new(to, Arc::new(schema), Arc::new(properties.build())).map_err(io::Error::other)?;
        let texts = vec![Vec::new(); points.paths.len() + 4];
        Ok(ParquetTable { points, writer, rows: Rows { texts, ..Rows::default() } })
    }

    pub(super) fn add(&mut self, report: &PointReport) -> io::Result<()> {
        let values = &self.points.rows[report.point];
        for variant in &report.variants {
            for figure in &variant.figures {
                let (id, value) = (figure.figure(), figure.value);
                let difference = figure.difference;
                let statistic = id.stat().map(|stat| stat.to_string()).unwrap_or_default();
                let behind = [variant.name.as_str(), id.family().name, &statistic, unit_name(id.family().unit)];
                let texts = values.iter().map(String::as_str).chain(behind);
                self.rows.texts.iter_mut().zip(texts).for_each(|(column, text)| column.push(text.into()));
                let numbers = [
                    Some(value.mean),
                    value.half_width,
                    Some(value.min),
                    Some(value.max),
                    difference.map(|difference| difference.mean),
                    difference.and_then(|difference| difference.half_width),
                ];
                self.rows.numbers.iter_mut().zip(numbers).for_each(|(column, number)| column.push(number));
                self.rows.point.push(report.point as i32);
                self.rows.replications.push(value.replications as i32);
            }
        }
        if self.rows.point.len() >= GROUP_ROWS { self.write() } else { Ok(()) }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.write()?;
        self.writer.close().map(drop).map_err(io::Error::other)
    }

    /// A group of the rows that are there.
    fn write(&mut self) -> io::Result<()> {
        let rows = &mut self.rows;
        let mut group = self.writer.next_row_group().map_err(io::Error::other)?;
        let mut column = |write: &mut dyn FnMut(&mut Column<'_>) -> parquet::errors::Result<()>| -> io::Result<()> {
            let writer = group.next_column().map_err(io::Error::other)?;
            let mut writer = writer.expect("as many columns as the schema has");
            write(&mut writer).map_err(io::Error::other)?;
            writer.close().map_err(io::Error::other)
        };
        column(&mut |to| all::<Int32Type>(to, &rows.point))?;
        for texts in &rows.texts {
            column(&mut |to| all::<ByteArrayType>(to, texts))?;
        }
        for numbers in &rows.numbers {
            let there: Vec<f64> = numbers.iter().copied().flatten().collect();
            let levels: Vec<i16> = numbers.iter().map(|number| i16::from(number.is_some())).collect();
            column(&mut |to| to.typed::<DoubleType>().write_batch(&there, Some(&levels), None).map(drop))?;
        }
        column(&mut |to| all::<Int32Type>(to, &rows.replications))?;
        group.close().map_err(io::Error::other)?;
        rows.point.clear();
        rows.replications.clear();
        rows.texts.iter_mut().for_each(Vec::clear);
        rows.numbers.iter_mut().for_each(Vec::clear);
        Ok(())
    }
}

type Column<'w> = parquet::file::writer::SerializedColumnWriter<'w>;

/// Writes a column without gaps.
fn all<T: DataType>(to: &mut Column<'_>, values: &[T::T]) -> parquet::errors::Result<()> {
    to.typed::<T>().write_batch(values, None, None).map(drop)
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;
    use crate::metrics::{Estimate, FigureReport, VariantAtPoint};

    #[test]
    fn a_table_reads_back() {
        let points = Points::table("pods.replicas,pods.cpu\n3,0.5\n5,2\n").expect("a table");
        let value = Estimate { mean: 12.5, half_width: None, min: 12.0, max: 13.0, replications: 2 };
        let figure = |id: &str| FigureReport { id: id.to_owned(), value, difference: None, pairing: None };
        let figures = vec![figure("event.latency.p99"), figure("redis.copies")];
        let (name, digest) = ("cookie".to_owned(), String::new());
        let variants = vec![VariantAtPoint { name, figures, expectations: Vec::new(), digest, events: 1 }];
        let mut bytes = Vec::new();
        let mut table = ParquetTable::new(&points, &mut bytes).expect("memory takes every write");
        for point in 0..2 {
            let report =
                PointReport { point, stopped: None, replications: 2, precision: None, variants: variants.clone() };
            table.add(&report).expect("memory takes every write");
        }
        table.finish().expect("memory takes every write");
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("a table");
        let rows: Vec<_> = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect();
        assert_eq!(rows.len(), 4);
        let last = &rows[3];
        let texts: Vec<&String> = (1..7).map(|column| last.get_string(column).expect("a text")).collect();
        assert_eq!(texts, ["5", "2", "cookie", "redis.copies", "", "per_second"]);
        assert_eq!((last.get_int(0).expect("a number"), last.get_double(7).expect("a number")), (1, 12.5));
        assert!(last.get_double(8).is_err(), "there is no interval");
        assert_eq!(last.get_int(13).expect("a number"), 2);
    }
}
