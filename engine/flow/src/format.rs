//! Lays out files of ours: keys in the order in which the format lists them.

use yaml::{Entry, Node, Orders};

use crate::shape::{ACTION, File, PARALLEL, Shape, Takes};

/// Lays a file out; one of no format that is known here keeps the order of its keys.
///
/// # Errors
/// Says why it must stay as it is.
pub fn format(text: &str, file: Option<File>) -> Result<String, String> {
    yaml::format(text, |root| {
        let mut orders = Orders::new();
        if let Some(file) = file {
            object(root, file.shape(), true, &mut orders);
        }
        orders
    })
}

fn visit(node: &Node, takes: &Takes, orders: &mut Orders) {
    match takes {
        Takes::Object(shape) | Takes::Maybe(shape) => object(node, shape, false, orders),
        Takes::Map(inside) => {
            for it in node.as_map().into_iter().flatten() {
                visit(&it.value, inside, orders);
            }
        }
        Takes::List(inside) | Takes::OneOrMore(inside) => {
            for it in items(node) {
                visit(it, inside, orders);
            }
        }
        Takes::Either(all) => {
            if let Some(shape) = closest(node, all) {
                object(node, shape, false, orders);
            }
        }
        Takes::Block => {
            for item in items(node) {
                let is_parallel = item.get(PARALLEL.name).is_some();
                object(item, if is_parallel { &PARALLEL } else { &ACTION }, false, orders);
            }
        }
        _ => {}
    }
}

fn items(node: &Node) -> &[Node] {
    node.as_seq().unwrap_or_default()
}

/// Of several objects the one that has the most of the keys.
fn closest(node: &Node, all: &[Takes]) -> Option<&'static Shape> {
    let map = node.as_map()?;
    let shapes =
        all.iter().filter_map(|it| if let Takes::Object(it) = it { Some(*it) } else { None });
    shapes
        .max_by_key(|shape| map.iter().filter(|it| shape.key(None, &it.key.text).is_some()).count())
}

fn object(node: &Node, shape: &'static Shape, is_file: bool, orders: &mut Orders) {
    let Some(map) = node.as_map() else { return };
    let kinds = shape.kinds_of(map.iter().map(|it| it.key.text.as_str()));
    let kind = kinds.first().copied();
    for entry in map {
        if let Some(key) = shape.key(kind, &entry.key.text) {
            visit(&entry.value, &key.takes, orders);
        }
    }
    // Small objects read well in any order; of several kinds it is not clear what was meant.
    if is_file || kinds.len() == 1 {
        let names = shape.order(kind);
        let place = |entry: &Entry| {
            names.iter().position(|it| *it == entry.key.text).unwrap_or(names.len())
        };
        let places: Vec<usize> = map.iter().map(place).collect();
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by_key(|it| places.get(*it).copied());
        if !order.is_sorted() {
            orders.insert(node.span.start, order);
        }
    }
}
