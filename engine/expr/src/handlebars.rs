//! The Handlebars door, and the only file that names the crate behind it.
//!
//! The crate reads the template; its tree is turned into ours and evaluated by our evaluator, so
//! that values keep their types in sub-expressions, only what is asked for is looked up, and the
//! budgets of expressions hold here too.

use std::ops::Range;

use base::limits::{TEMPLATE_BYTES_MAX, TEMPLATE_DEPTH_MAX};
use handlebars::template::{BlockParam, HelperTemplate, Parameter, Subexpression, TemplateElement};
use handlebars::{Path as RawPath, PathSeg, Template};

use crate::ast::{Base, Call, Expr, Node, Part, Path, Segment};
use crate::error::SyntaxError;
use crate::functions;

/// Reads a text with `{{…}}` in it.
pub(crate) fn parse(text: &str) -> (Vec<Part>, Vec<SyntaxError>) {
    match check(text).and_then(|()| read(text)) {
        Ok(parts) => (parts, Vec::new()),
        Err(error) => (Vec::new(), vec![error]),
    }
}

/// Refuses, before the crate sees it, what would take it too deep.
fn check(text: &str) -> Result<(), SyntaxError> {
    if TEMPLATE_BYTES_MAX < text.len() {
        let message = format!("a Handlebars template has at most {TEMPLATE_BYTES_MAX} bytes");
        return Err(SyntaxError::limit(0..text.len(), message));
    }
    let mut blocks = 0_usize;
    let mut at = 0;
    for (nth, piece) in text.split("{{").enumerate() {
        if 0 < nth {
            let tag = piece.strip_prefix('~').unwrap_or(piece);
            blocks += usize::from(tag.starts_with(['#', '^']) && !tag.starts_with("^}"));
            blocks -= usize::from(tag.starts_with('/') && 0 < blocks);
        }
        if TEMPLATE_DEPTH_MAX < blocks || (0 < nth && TEMPLATE_DEPTH_MAX < nesting(piece)) {
            let message = format!("a Handlebars template nests at most {TEMPLATE_DEPTH_MAX} deep");
            return Err(SyntaxError::limit(at..at + piece.len(), message));
        }
        at += piece.len() + 2;
    }
    Ok(())
}

/// How deep brackets nest in what follows a `{{`.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn read(text: &str) -> Result<Vec<Part>, SyntaxError> {
    let template = Template::compile(text).map_err(|error| {
        let at = error.pos().and_then(|(line, column)| offset(text, line, column)).unwrap_or(0);
        SyntaxError::new(at..text.len(), "this is not a Handlebars template that can be read").hint(
            "every `{{` needs its `}}`, every `{{#…}}` its `{{/…}}`; `\\{{` means `{{` itself",
        )
    })?;
    let mut reader = Reader { text, blocks: Vec::new(), at: 0..text.len() };
    reader.parts(&template)
}

/// The byte at a line and column, both from 1, the column in characters.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let start = match line.checked_sub(2) {
        None => 0,
        Some(nth) => text.match_indices('\n').nth(nth)?.0 + 1,
    };
    let rest = text.get(start..)?;
    let within = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
    Some(start + within)
}

struct Reader<'t> {
    text: &'t str,
    /// The names that each open block gives its value and its index.
    blocks: Vec<Vec<String>>,
    /// The element in hand.
    at: Range<usize>,
}

type Reading<T> = Result<T, SyntaxError>;

impl Reader<'_> {
    fn fail<T>(&self, message: impl Into<String>) -> Reading<T> {
        Err(SyntaxError::new(self.at.clone(), message))
    }

    fn parts(&mut self, template: &Template) -> Reading<Vec<Part>> {
        let mut parts = Vec::new();
        for (index, element) in template.elements.iter().enumerate() {
            let outer = self.at.clone();
            if let Some(place) = template.mapping.get(index) {
                let start = offset(self.text, place.0, place.1).unwrap_or(outer.start);
                let rest = self.text.get(start..).unwrap_or("");
                self.at = start..rest.find("}}").map_or(outer.end, |end| start + end + 2);
            }
            parts.extend(self.part(element)?);
            self.at = outer;
        }
        Ok(parts)
    }

    fn part(&mut self, element: &TemplateElement) -> Reading<Option<Part>> {
        match element {
            TemplateElement::RawString(text) => Ok(Some(Part::Text(text.clone()))),
            TemplateElement::Comment(_) => Ok(None),
            TemplateElement::Expression(helper) | TemplateElement::HtmlExpression(helper) => {
                self.quotes()?;
                self.value(helper).map(|expr| Some(Part::Value(expr)))
            }
            TemplateElement::HelperBlock(helper) => self.block(helper).map(Some),
            TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => {
                self.fail("decorators are not supported")
            }
            TemplateElement::PartialExpression(_) | TemplateElement::PartialBlock(_) => {
                self.fail("partials are not supported")
            }
            _ => self.fail("this form of Handlebars is not supported"),
        }
    }

    /// `'it''s'` is one text in expressions, but two in Handlebars, which is never meant.
    fn quotes(&self) -> Reading<()> {
        let inside = self.text.get(self.at.clone()).unwrap_or("");
        let doubled = |(at, _): (usize, &str)| {
            let before = inside.get(..at).and_then(|text| text.chars().next_back());
            before.is_some_and(|c| !c.is_whitespace() && c != '(' && c != '=')
        };
        if inside.match_indices("''").any(doubled) {
            let error = SyntaxError::new(self.at.clone(), "`''` is not a quote in Handlebars");
            return Err(error.hint("write `\\'` inside the text, or put the text in `\"`"));
        }
        Ok(())
    }

    fn expr(&self, node: Node) -> Expr {
        Expr { range: self.at.clone(), node }
    }

    /// `{{path}}`, `{{function}}` or `{{function argument …}}`.
    fn value(&self, helper: &HelperTemplate) -> Reading<Expr> {
        if !helper.hash.is_empty() {
            return self.fail("named arguments are not supported");
        }
        let named = match &helper.name {
            Parameter::Name(name) => Some(name.as_str()),
            Parameter::Path(RawPath::Relative((segments, raw))) => {
                (segments.len() == 1 && !raw.contains(['.', '/', '['])).then_some(raw.as_str())
            }
            Parameter::Subexpression(inner) if helper.params.is_empty() => {
                return self.nested(inner);
            }
            _ => None,
        };
        let is_call = |name: &str| functions::find(name).is_some_and(|it| it.takes(0));
        match (named, helper.params.as_slice()) {
            (Some(name), []) if !is_call(name) => self.path_named(&helper.name, name),
            (Some("lookup"), [object, key]) => {
                let (object, key) = (self.parameter(object)?, self.parameter(key)?);
                let (object, key) = (Box::new(object), Box::new(key));
                Ok(self.expr(Node::Access { object, key, null_safe: true }))
            }
            (Some(name), params) => {
                let arguments = params.iter().map(|param| self.parameter(param));
                let arguments = arguments.collect::<Result<_, _>>()?;
                let function = functions::find(name);
                let range = self.at.clone();
                let call = Call { name: name.to_owned(), function, arguments, range };
                Ok(self.expr(Node::Call(call)))
            }
            (None, []) => self.parameter(&helper.name),
            (None, _) => self.fail("only functions take arguments"),
        }
    }

    fn path_named(&self, parameter: &Parameter, name: &str) -> Reading<Expr> {
        match parameter {
            Parameter::Path(path) => self.path(path),
            _ => self.names(0, &[PathSeg::Named(name.to_owned())]),
        }
    }

    fn nested(&self, inner: &Subexpression) -> Reading<Expr> {
        match inner.as_element() {
            TemplateElement::Expression(helper) => self.value(helper),
            _ => self.fail("only functions stand in parentheses"),
        }
    }

    fn parameter(&self, parameter: &Parameter) -> Reading<Expr> {
        match parameter {
            Parameter::Name(name) => self.names(0, &[PathSeg::Named(name.clone())]),
            Parameter::Path(path) => self.path(path),
            Parameter::Literal(value) => Ok(self.expr(Node::Literal(value.clone()))),
            Parameter::Subexpression(inner) => self.nested(inner),
            _ => self.fail("this form of Handlebars is not supported"),
        }
    }

    fn path(&self, path: &RawPath) -> Reading<Expr> {
        match path {
            RawPath::Local((up, name, _)) => {
                if !matches!(name.as_str(), "index" | "key" | "first" | "last") {
                    return self.fail(format!("there is no `@{name}`"));
                }
                if self.blocks.len() <= *up {
                    return self.fail(format!("`@{name}` stands only in `each`"));
                }
                let base = Base::Local(*up, name.clone());
                Ok(self.expr(Node::Path(Path { base, segments: Vec::new(), strict: true })))
            }
            RawPath::Relative((segments, raw)) => {
                if raw.starts_with("@root") {
                    let segments = segments.get(1..).unwrap_or_default();
                    return self.names(self.blocks.len(), segments);
                }
                let named = |segment: &&PathSeg| !matches!(segment, PathSeg::Named(_));
                let up = segments.iter().take_while(named).count();
                self.names(up, segments.get(up..).unwrap_or_default())
            }
        }
    }

    /// A path from so many blocks up, or from a name that a block gives.
    fn names(&self, up: usize, segments: &[PathSeg]) -> Reading<Expr> {
        let mut names = Vec::new();
        for segment in segments {
            match segment {
                PathSeg::Named(name) if name.chars().all(|c| c.is_ascii_digit()) => {
                    names.push(Segment::Either(name.clone()));
                }
                PathSeg::Named(name) => names.push(Segment::Name(name.clone())),
                _ => return self.fail("`..` stands only at the start of a path"),
            }
        }
        let base = if up < self.blocks.len() { Base::Frame(up) } else { Base::Root };
        let given = names.first().and_then(Segment::name).filter(|_| up == 0);
        if let Some((up, second)) = given.and_then(|name| self.given(name)) {
            let segments = names.split_off(1);
            let base = if second { Base::Local(up, "key".to_owned()) } else { Base::Frame(up) };
            return Ok(self.expr(Node::Path(Path { base, segments, strict: true })));
        }
        if base == Base::Root && names.is_empty() {
            return self.fail("`this` stands only in `each` and `with`");
        }
        Ok(self.expr(Node::Path(Path { base, segments: names, strict: true })))
    }

    /// How many blocks up a name is given by `as |…|`, and whether it is the second.
    fn given(&self, name: &str) -> Option<(usize, bool)> {
        self.blocks.iter().rev().enumerate().find_map(|(up, names)| {
            names.iter().position(|it| it == name).map(|nth| (up, nth == 1))
        })
    }

    fn block(&mut self, helper: &HelperTemplate) -> Reading<Part> {
        self.quotes()?;
        let name = match &helper.name {
            Parameter::Name(name) => name.as_str(),
            Parameter::Path(RawPath::Relative((_, raw))) => raw.as_str(),
            _ => "",
        };
        let ([subject], true) = (helper.params.as_slice(), helper.hash.is_empty()) else {
            return self.fail(format!("`{name}` takes one argument"));
        };
        let subject = self.parameter(subject)?;
        match name {
            "if" | "unless" => {
                let body = self.optional(helper.template.as_ref())?;
                let inverse = self.optional(helper.inverse.as_ref())?;
                let (then, otherwise) =
                    if name == "if" { (body, inverse) } else { (inverse, body) };
                Ok(Part::If { condition: lenient(subject), then, otherwise })
            }
            "each" | "with" => {
                let otherwise = self.optional(helper.inverse.as_ref())?;
                self.blocks.push(block_names(helper.block_param.as_ref()));
                let body = self.optional(helper.template.as_ref());
                self.blocks.pop();
                let body = body?;
                Ok(if name == "each" {
                    Part::Each { list: subject, body, otherwise }
                } else {
                    Part::With { value: lenient(subject), body, otherwise }
                })
            }
            name => {
                self.fail(format!("there is no block `{name}`: `if`, `unless`, `each`, `with`"))
            }
        }
    }

    fn optional(&mut self, template: Option<&Template>) -> Reading<Vec<Part>> {
        template.map_or_else(|| Ok(Vec::new()), |template| self.parts(template))
    }
}

fn block_names(param: Option<&BlockParam>) -> Vec<String> {
    let parameters = match param {
        Some(BlockParam::Single(value)) => vec![value],
        Some(BlockParam::Pair((value, key))) => vec![value, key],
        Some(_) | None => Vec::new(),
    };
    let name = |parameter: &Parameter| parameter.as_name().unwrap_or_default().to_owned();
    parameters.into_iter().map(name).collect()
}

/// In a condition a path may lead nowhere: that is what is asked.
fn lenient(mut subject: Expr) -> Expr {
    match &mut subject.node {
        Node::Path(path) => path.strict = false,
        Node::Literal(_) | Node::Call(_) | Node::Access { .. } | Node::Query(_) => {}
    }
    subject
}
