//! Functions that ask for what the run knows: records, variables, parameters, items.

use std::borrow::Cow;

use serde_json::Value;

use super::{Answer, Arguments, Eval, Function, Origin, optional, required};
use crate::context::Context;
use crate::error::EvalError;
use crate::operand::Operand;
use crate::types::Type;

const FAMILY: &str = "Workflow";

pub(super) const ACTION: Function = Function {
    name: "action",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The record of the action that is running.",
    params: &[],
    returns: Type::Object,
    eval: Eval::Context(action),
    examples: &[("action()['name']", "\"Compose\""), ("action()?['nothing']", "null")],
};

pub(super) const ACTION_BODY: Function = Function {
    name: "actionBody",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The body of an action; the older name of `body`.",
    params: &[required("actionName", Type::String)],
    returns: Type::Any,
    eval: Eval::Context(body),
    examples: &[
        ("actionBody('Get_item')['id']", "7"),
        ("actionBody('Get_item')?['nothing']", "null"),
    ],
};

pub(super) const ACTION_OUTPUTS: Function = Function {
    name: "actionOutputs",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "What an action gave; the older name of `outputs`.",
    params: &[required("actionName", Type::String)],
    returns: Type::Any,
    eval: Eval::Context(outputs),
    examples: &[
        ("actionOutputs('Get_item')['statusCode']", "200"),
        ("actionOutputs('Compose')", "\"made\""),
    ],
};

pub(super) const APP_SETTING: Function = Function {
    name: "appsetting",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The value of an app setting of a Standard Logic App.",
    params: &[required("settingName", Type::String)],
    returns: Type::String,
    eval: Eval::Context(app_setting),
    examples: &[
        ("appsetting('Place')", "\"here\""),
        ("concat('over ', appsetting('place'))", "\"over here\""),
    ],
};

pub(super) const ACTIONS: Function = Function {
    name: "actions",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The record of an action: its name, inputs, outputs, status, times.",
    params: &[required("actionName", Type::String)],
    returns: Type::Object,
    eval: Eval::Context(actions),
    examples: &[
        ("actions('Get_item')['status']", "\"Succeeded\""),
        ("actions('get_item').outputs.statusCode", "200"),
    ],
};

pub(super) const APPROVAL_URL: Function = Function {
    name: "approvalUrl",
    family: FAMILY,
    origin: Origin::Flowright,
    summary: "The address of the page on which an approval of this run is answered.",
    params: &[required("actionName", Type::String)],
    returns: Type::String,
    eval: Eval::Context(approval_url),
    examples: &[
        ("approvalUrl('Approval')", "\"https://flow.example/approval\""),
        ("uriHost(approvalUrl('approval'))", "\"flow.example\""),
    ],
};

pub(super) const BODY: Function = Function {
    name: "body",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The body of what an action gave.",
    params: &[required("actionName", Type::String)],
    returns: Type::Any,
    eval: Eval::Context(body),
    examples: &[("body('Get_item')?['title']", "\"A title\""), ("body('Compose')", "null")],
};

pub(super) const FAILURES: Function = Function {
    name: "failures",
    family: FAMILY,
    origin: Origin::Flowright,
    summary: "The records of the actions that have failed in a scope, at any depth, and that nothing there handles.",
    params: &[optional("scopedActionName", Type::String)],
    returns: Type::Array,
    eval: Eval::Context(failures),
    examples: &[
        ("length(failures('Scope'))", "1"),
        ("first(failures('Scope'))['name']", "\"Get_item\""),
    ],
};

pub(super) const ITEM: Function = Function {
    name: "item",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The item of the innermost loop, or of a Select or Query.",
    params: &[],
    returns: Type::Any,
    eval: Eval::Context(item),
    examples: &[("item()['n']", "1"), ("item()?['nothing']", "null")],
};

pub(super) const ITEMS: Function = Function {
    name: "items",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The item of an enclosing Foreach.",
    params: &[required("loopName", Type::String)],
    returns: Type::Any,
    eval: Eval::Context(items),
    examples: &[("items('For_each')['n']", "1"), ("items('For_each')?['nothing']", "null")],
};

pub(super) const ITERATION_INDEXES: Function = Function {
    name: "iterationIndexes",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Which turn an enclosing Until is in.",
    params: &[required("loopName", Type::String)],
    returns: Type::Integer,
    eval: Eval::Context(iteration_indexes),
    examples: &[("iterationIndexes('Until')", "2"), ("add(iterationIndexes('Until'), 1)", "3")],
};

pub(super) const LIST_CALLBACK_URL: Function = Function {
    name: "listCallbackUrl",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The address that a webhook is to call back.",
    params: &[],
    returns: Type::String,
    eval: Eval::Context(list_callback_url),
    examples: &[
        ("listCallbackUrl()", "\"https://flow.example/callback\""),
        ("uriHost(listCallbackUrl())", "\"flow.example\""),
    ],
};

pub(super) const OUTPUTS: Function = Function {
    name: "outputs",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "What an action gave.",
    params: &[required("actionName", Type::String)],
    returns: Type::Any,
    eval: Eval::Context(outputs),
    examples: &[
        ("outputs('Compose')", "\"made\""),
        ("outputs('Get_item')?['body/title']", "\"A title\""),
    ],
};

pub(super) const PARAMETERS: Function = Function {
    name: "parameters",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The value of a parameter.",
    params: &[required("parameterName", Type::String)],
    returns: Type::Any,
    eval: Eval::Context(parameters),
    examples: &[("parameters('env')", "\"test\""), ("concat(parameters('env'), '1')", "\"test1\"")],
};

pub(super) const RESULT: Function = Function {
    name: "result",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The records of the actions directly in a scope.",
    params: &[optional("scopedActionName", Type::String)],
    returns: Type::Array,
    eval: Eval::Context(result),
    examples: &[
        ("length(result('Scope'))", "1"),
        ("first(result('Scope'))['status']", "\"Failed\""),
    ],
};

pub(super) const TRIGGER: Function = Function {
    name: "trigger",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The record of the trigger.",
    params: &[],
    returns: Type::Object,
    eval: Eval::Context(trigger),
    examples: &[("trigger()['name']", "\"manual\""), ("trigger().outputs.body.k", "1")],
};

pub(super) const TRIGGER_BODY: Function = Function {
    name: "triggerBody",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The body of what the trigger gave.",
    params: &[],
    returns: Type::Any,
    eval: Eval::Context(trigger_body),
    examples: &[("triggerBody()['k']", "1"), ("triggerBody()?['nothing']", "null")],
};

pub(super) const TRIGGER_OUTPUTS: Function = Function {
    name: "triggerOutputs",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "What the trigger gave.",
    params: &[],
    returns: Type::Any,
    eval: Eval::Context(trigger_outputs),
    examples: &[
        ("triggerOutputs()['headers']['X-Id']", "\"42\""),
        ("triggerOutputs()?['body/k']", "1"),
    ],
};

pub(super) const VARIABLES: Function = Function {
    name: "variables",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The value of a variable.",
    params: &[required("variableName", Type::String)],
    returns: Type::Any,
    eval: Eval::Context(variables),
    examples: &[("variables('count')", "5"), ("variables('COUNT')", "5")],
};

pub(super) const WORKFLOW: Function = Function {
    name: "workflow",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The flow and the run.",
    params: &[],
    returns: Type::Object,
    eval: Eval::Context(workflow),
    examples: &[("workflow()['run']['name']", "\"run-1\""), ("workflow().name", "\"flow-1\"")],
};

fn action<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    ctx.current_action().map(Operand::from).ok_or_else(|| misplaced(args))
}

fn actions<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let name = args.text(0)?;
    ctx.action(&name).map(Operand::from).ok_or_else(|| undefined(args, "action", &name))
}

fn outputs<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    outputs_of(ctx, args).map(Operand::from)
}

fn body<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    Ok(body_of(outputs_of(ctx, args)?).into())
}

/// What the action that the first argument names gave.
pub(super) fn outputs_of<'a>(
    ctx: &'a dyn Context,
    args: &mut Arguments<'a>,
) -> Result<Cow<'a, Value>, EvalError> {
    let name = args.text(0)?;
    ctx.outputs(&name).ok_or_else(|| undefined(args, "action", &name))
}

/// What the trigger gave.
pub(super) fn trigger_outputs_of<'a>(
    ctx: &'a dyn Context,
    args: &Arguments<'a>,
) -> Result<Cow<'a, Value>, EvalError> {
    ctx.trigger_outputs().ok_or_else(|| misplaced(args))
}

/// The body within outputs; null when there is none.
pub(super) fn body_of(outputs: Cow<'_, Value>) -> Cow<'_, Value> {
    match outputs {
        Cow::Borrowed(outputs) => {
            outputs.get("body").map_or(Cow::Owned(Value::Null), Cow::Borrowed)
        }
        Cow::Owned(Value::Object(mut map)) => Cow::Owned(map.remove("body").unwrap_or_default()),
        Cow::Owned(_) => Cow::Owned(Value::Null),
    }
}

fn item<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    ctx.item().map(Operand::from).ok_or_else(|| misplaced(args))
}

fn items<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let name = args.text(0)?;
    ctx.items(&name).map(Operand::from).ok_or_else(|| {
        EvalError::template(format!(
            "The action '{name}' must be an enclosing 'foreach' scope to be referenced by '{}'.",
            args.function()
        ))
    })
}

fn iteration_indexes<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let name = args.text(0)?;
    ctx.iteration_index(&name).map(Operand::from).ok_or_else(|| {
        EvalError::template(format!(
            "The action '{name}' must be an enclosing 'until' scope to be referenced by '{}'.",
            args.function()
        ))
    })
}

fn list_callback_url<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    ctx.callback_url().map(Operand::from).ok_or_else(|| misplaced(args))
}

fn approval_url<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let name = args.text(0)?;
    ctx.approval_url(&name).map(Operand::from).ok_or_else(|| {
        EvalError::template(format!(
            "there is no approval '{name}' that could be answered from here: it has to be an \
             `approval` of this flow, outside loops or in the same pass of them, and the run one of \
             `flowright serve`"
        ))
    })
}

fn parameters<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let name = args.text(0)?;
    ctx.parameter(&name).map(Operand::from).ok_or_else(|| {
        let reason = ctx.lacks_parameter(&name).map(EvalError::template);
        reason.unwrap_or_else(|| undefined(args, "parameter", &name))
    })
}

fn app_setting<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let name = args.text(0)?;
    let value = ctx.app_setting(&name).map(Operand::from);
    value.ok_or_else(|| EvalError::template(format!("{}.", unknown_setting(&name))))
}

/// What is said of an app setting that has no value, and what to do.
pub fn unknown_setting(name: &str) -> String {
    format!(
        "the app setting '{name}' is neither among the `Values` of a `local.settings.json` beside the \
         definition nor an environment variable"
    )
}

fn variables<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let name = args.text(0)?;
    ctx.variable(&name).map(Operand::from).ok_or_else(|| undefined(args, "variable", &name))
}

fn result<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let name = args.optional_text(0)?;
    ctx.result(name.as_deref()).map(Operand::from).ok_or_else(|| match &name {
        Some(name) => undefined(args, "scope", name),
        None => misplaced(args),
    })
}

fn failures<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let name = args.optional_text(0)?;
    ctx.failures(name.as_deref()).map(Operand::from).ok_or_else(|| match &name {
        Some(name) => undefined(args, "scope", name),
        None => misplaced(args),
    })
}

fn trigger<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    ctx.trigger().map(Operand::from).ok_or_else(|| misplaced(args))
}

fn trigger_outputs<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    trigger_outputs_of(ctx, args).map(Operand::from)
}

fn trigger_body<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    Ok(body_of(trigger_outputs_of(ctx, args)?).into())
}

fn workflow<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    ctx.workflow().map(Operand::from).ok_or_else(|| misplaced(args))
}

fn misplaced(args: &Arguments<'_>) -> EvalError {
    EvalError::template(format!(
        "The template function '{}' is not expected at this location.",
        args.function()
    ))
}

fn undefined(args: &Arguments<'_>, what: &str, name: &str) -> EvalError {
    EvalError::template(format!(
        "The {what} '{name}' referenced by '{}' is not defined in the template.",
        args.function()
    ))
}
