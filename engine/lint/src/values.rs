//! What is known of the values of one flow, for editors.

use std::sync::LazyLock;

use base::Source;
use expr::{
    Template, Type,
    check::{Environment, check},
};
use flow::{ActionId, ActionKind, Flow, Package};

use crate::{
    project::Project,
    settings::Settings,
    view::{Owner, Place, View},
};

/// Types do not depend on what a check looks for.
static USUAL: LazyLock<Settings> = LazyLock::new(Settings::default);

/// What is known of the values of one flow.
pub struct Values<'a>(View<'a>);

impl<'a> Values<'a> {
    /// Looks at a flow of a project: that of its package, or an earlier one, while it is being written.
    pub fn new(
        project: &'a Project<'a>,
        source: &'a Source,
        package: &'a Package,
        flow: &'a Flow,
    ) -> Self {
        Self(View::new(project, source, (package, flow), &USUAL))
    }

    /// What an expression gives in the inputs of an action, or beside all of them. An
    /// action that may not have succeeded by then is taken to have.
    pub fn of(&self, template: &Template, action: Option<ActionId>) -> Type {
        let owner = action.map_or(Owner::Outputs, Owner::Action);
        let goes_over_items = action.is_some_and(|it| {
            matches!(
                self.0.flow.action(it).kind,
                ActionKind::Select(_) | ActionKind::Query(_) | ActionKind::Table(_)
            )
        });
        let place = Place::start(owner);
        let place = if goes_over_items { place.each() } else { place };
        let certain = self.0.types_at(place);
        check(template, &Hopeful { certain: &certain, values: self }).ty
    }

    /// What an action gives when it succeeds.
    pub fn outputs(&self, action: ActionId) -> Type {
        self.0.types_at(Place::start(Owner::Outputs)).given(action)
    }
}

/// The types that hold if all goes well.
struct Hopeful<'v, E: Environment> {
    certain: &'v E,
    values: &'v Values<'v>,
}

impl<E: Environment> Environment for Hopeful<'_, E> {
    fn outputs(&self, name: &str) -> Type {
        let id = self.values.0.flow.find(name);
        id.map_or(Type::Any, |it| self.values.outputs(it))
    }

    fn trigger_outputs(&self) -> Type {
        self.certain.trigger_outputs()
    }

    fn variable(&self, name: &str) -> Type {
        self.certain.variable(name)
    }

    fn parameter(&self, name: &str) -> Type {
        self.certain.parameter(name)
    }

    fn item(&self) -> Type {
        self.certain.item()
    }

    fn items(&self, name: &str) -> Type {
        self.certain.items(name)
    }
}
