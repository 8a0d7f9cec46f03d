//! Lays out files of ours: keys in the order in which the format lists them.

use yaml::{Entry, Orders};

use crate::shape::{File, Seen, visit};

/// Lays a file out; one of no format that is known here keeps the order of its keys.
///
/// # Errors
/// Says why it must stay as it is.
pub fn format(text: &str, file: Option<File>) -> Result<String, String> {
    yaml::format(text, |root| {
        let mut orders = Orders::new();
        if let Some(file) = file {
            visit(root, file, &mut |seen| {
                // Small objects read well in any order; of several kinds none is meant surely.
                let is_file = seen.node.span == root.span;
                if is_file || seen.kind.is_some() {
                    orders.extend(order(seen));
                }
            });
        }
        orders
    })
}

/// The order of an object's keys, if they are in another one.
fn order(seen: &Seen<'_>) -> Option<(usize, Vec<usize>)> {
    let names = seen.shape.order(seen.kind);
    let place =
        |entry: &Entry| names.iter().position(|it| *it == entry.key.text).unwrap_or(names.len());
    let places: Vec<usize> = seen.entries.iter().map(place).collect();
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|it| places.get(*it).copied());
    (!order.is_sorted()).then_some((seen.node.span.start, order))
}
