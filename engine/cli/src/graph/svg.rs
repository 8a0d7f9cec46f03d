//! A picture that every browser shows, without anything from elsewhere.

use base::markup;
use flow::Flow;

use super::layout::{self, Arrow};

/// Around the whole picture.
const MARGIN: i32 = 20;

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;text-anchor:middle;fill:#1f2328}\
.caption,.label,.when{font-size:11px;fill:#59636e}\
.action{fill:#fff;stroke:#8c959f}.trigger{fill:#ddf4ff;stroke:#0969da}\
.group{fill:#8c959f14;stroke:#8c959f}.branch{fill:none;stroke:#8c959f;stroke-dasharray:4 3}\
path{fill:none;stroke:#59636e}.odd{stroke:#cf222e}.when{fill:#cf222e}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.action{fill:#161b22}.trigger{fill:#0d2d4f}\
.caption,.label{fill:#9198a1}svg{background:#0d1117}}";

/// As SVG.
pub fn svg(flow: &Flow) -> String {
    let drawing = layout::of_flow(flow);
    let (width, height) = (drawing.width + 2 * MARGIN, drawing.height + 2 * MARGIN);
    let mut lines = vec![
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"{0} {0} {width} {height}\" role=\"img\">",
            -MARGIN
        ),
        format!("<title>{}</title>", escaped(&flow.name)),
        format!("<style>{STYLE}</style>"),
        "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" style=\"fill:#59636e;stroke:none\"/>\
         </marker></defs>"
            .to_owned(),
    ];
    for it in &drawing.boxes {
        lines.push(format!(
            "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\"><title>{}</title></rect>",
            it.class,
            it.x,
            it.y,
            it.width,
            it.height,
            escaped(&it.title)
        ));
    }
    lines.extend(drawing.arrows.iter().map(arrow));
    for it in &drawing.texts {
        let text = escaped(&it.words);
        lines.push(format!(
            "<text class=\"{}\" x=\"{}\" y=\"{}\">{text}</text>",
            it.class, it.x, it.y
        ));
    }
    lines.push("</svg>".to_owned());
    lines.join("\n") + "\n"
}

fn arrow(arrow: &Arrow) -> String {
    let ((ax, ay), (bx, by)) = (arrow.from, arrow.to);
    let middle = i32::midpoint(ay, by);
    let class = if arrow.label.is_empty() { "" } else { " class=\"odd\"" };
    let path = format!(
        "<path{class} d=\"M{ax} {ay}C{ax} {middle} {bx} {middle} {bx} {by}\" marker-end=\"url(#tip)\"/>"
    );
    if arrow.label.is_empty() {
        return path;
    }
    let (x, label) = (i32::midpoint(ax, bx), escaped(&arrow.label));
    format!("{path}<text class=\"when\" x=\"{x}\" y=\"{}\">{label}</text>", middle + 4)
}

fn escaped(text: &str) -> String {
    let kept = text.chars().map(|it| if it.is_control() { ' ' } else { it });
    markup::escaped(&kept.collect::<String>())
}
