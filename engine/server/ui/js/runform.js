// Run flow: a pane at the right with a form made of the trigger's inputs.

import { h } from './dom.js';
import { icon } from './icons.js';
import { flowAddress, get, part, post } from './api.js';
import { busy, button, dialog, failed, field, notice, select, skeleton } from './parts.js';
import { flowPage, runPage } from './router.js';

/** Opens the pane; `trigger` is the name of one of several. */
export function runFlow(flow, trigger) {
  dialog({ title: 'Run flow', side: true }, async (pane) => {
    pane.show(skeleton(5), []);
    try {
      const about = await get(flowAddress(flow, '/outline'));
      const chosen = about.triggers.find((it) => it.name === trigger) ?? about.triggers[0];
      const steps = { flow, about, trigger: chosen, pane };
      if (about.connections.length) first(steps);
      else form(steps);
    } catch (error) {
      pane.show(failed(error), [button('Close', null, pane.close)]);
    }
  });
}

/** What the flow uses; then *Continue*. */
function first(steps) {
  const { about, pane } = steps;
  const uses = about.connections.map((it) => h('li', {}, icon('plug', 18), h('span', {}, it.name), h('span', { class: 'muted' }, it.connector)));
  pane.show(h('div', {}, h('p', { class: 'lead' }, about.name), h('p', {}, 'This flow uses these connections:'), h('ul', { class: 'uses' }, uses)),
    [button('Cancel', null, pane.close), button('Continue', null, () => form(steps), 'primary')]);
}

function form(steps) {
  const { about, trigger, pane } = steps;
  const inputs = trigger.inputs.map(input);
  const free = trigger.kind === 'request' && !inputs.length ? [bodyInput(trigger)] : [];
  const all = [...inputs, ...free];
  const draw = () => {
    const fields = all.map((it) => it.draw());
    const choose = about.triggers.length < 2 ? null : field('Trigger', select(about.triggers.map((it) => [it.name, it.displayName]), trigger.name,
      (name) => form({ ...steps, trigger: about.triggers.find((it) => it.name === name) })));
    const lead = fields.length ? null : h('p', {}, 'This flow needs no inputs.');
    const send = button('Run flow', 'play', () => run(), 'primary');
    const node = h('form', { onsubmit: (event) => { event.preventDefault(); run(); } }, h('p', { class: 'lead' }, about.name), choose, lead, fields,
      h('input', { type: 'submit', class: 'hidden', tabindex: '-1', 'aria-hidden': 'true' }));
    pane.show(node, [button('Cancel', null, pane.close), send]);
    const run = () => busy(send, async () => {
      const body = read(inputs, free);
      if (body === null) {
        draw();
        pane.node.querySelector('[aria-invalid]')?.focus();
        return;
      }
      await fire(steps, body.value);
    });
    node.querySelector('input,select,textarea')?.focus();
  };
  draw();
}

/** What was filled in, or nothing if something is missing or wrong. */
function read(inputs, free) {
  const bad = [...inputs, ...free].filter((it) => !it.check());
  if (bad.length) return null;
  if (free.length) return { value: free[0].value() };
  const given = inputs.map((it) => [it.name, it.value()]).filter(([, it]) => it !== undefined);
  return { value: Object.fromEntries(given) };
}

async function fire({ flow, about, trigger, pane }, body) {
  let answer;
  try {
    answer = await post(flowAddress(flow, `/triggers/${part(trigger.name)}/run`), { body });
  } catch (error) {
    pane.show(h('div', {}, notice('bad', 'The flow did not start', error.message)), [button('Close', null, pane.close)]);
    return;
  }
  const run = answer.runs[0];
  const text = run
    ? notice('good', 'Your flow run successfully started', null, h('p', {}, 'To monitor it, go to the ', h('a', { href: runPage(run.id), onclick: pane.close }, 'flow run page'), '.'))
    : notice('warn', 'No run was started', 'A condition of the trigger does not hold for this event.');
  pane.show(text, [h('a', { class: 'button', href: flowPage(flow), onclick: pane.close }, about.name),
    button('Done', null, () => pane.close(), 'primary')]);
  pane.node.querySelector('.dialog-foot .primary')?.focus();
}

/** One input: what it looks like, what was typed, whether that will do. */
function input(about) {
  const { name, title, type, required, description, choices } = about;
  let typed = about.default === null || about.default === undefined ? (type === 'boolean' && required ? 'false' : '') : textOf(about.default, type);
  let error = null;
  const draw = () => {
    const node = control(about, typed, (text) => { typed = text; });
    return field(title, node, { help: description ?? HELP[type], error, required });
  };
  const value = () => (typed === '' ? undefined : valueOf(typed, type));
  const check = () => {
    error = null;
    if (typed === '' && required) error = 'This field is required';
    else if (typed !== '') {
      try {
        const read = valueOf(typed, type);
        if (type === 'integer' && !Number.isSafeInteger(read)) error = 'Write a whole number';
        else if (type === 'float' && !Number.isFinite(read)) error = 'Write a number';
        else if (type === 'object' && (read === null || typeof read !== 'object' || Array.isArray(read))) error = 'Write an object, as in {"name": "value"}';
        else if (choices?.length && type !== 'array' && !choices.includes(read)) error = 'Choose one of the values';
      } catch (wrong) {
        error = `This is no JSON: ${wrong.message}`;
      }
    }
    return !error;
  };
  return { name, draw, value, check };
}

const HELP = { array: 'One item a line, or a list as JSON', object: 'JSON' };

function control({ type, choices, required }, typed, onchange) {
  const change = (event) => onchange(event.target.value);
  if (type === 'boolean') return select([...(required ? [] : [['', '–']]), ['true', 'Yes'], ['false', 'No']], typed, onchange);
  if (choices?.length && type !== 'array') return select([...(required && typed ? [] : [['', 'Choose…']]), ...choices.map((it) => [String(it), String(it)])], typed, onchange);
  if (type === 'array' || type === 'object') return h('textarea', { rows: 4, spellcheck: 'false', value: typed, oninput: change });
  const numeric = type === 'integer' || type === 'float';
  return h('input', { type: 'text', inputmode: numeric ? 'decimal' : null, autocomplete: 'off', value: typed, oninput: change });
}

const textOf = (value, type) => (type === 'array' && Array.isArray(value) && value.every((it) => typeof it === 'string')
  ? value.join('\n') : typeof value === 'string' ? value : JSON.stringify(value));

function valueOf(typed, type) {
  if (type === 'string') return typed;
  if (type === 'boolean') return typed === 'true';
  if (type === 'integer' || type === 'float') return Number(typed);
  if (type === 'array' && !typed.trim().startsWith('[')) return typed.split('\n').map((it) => it.trim()).filter(Boolean);
  return JSON.parse(typed);
}

/** The body of a request that nothing is known of. */
function bodyInput(trigger) {
  let typed = '{\n}';
  let error = null;
  return {
    name: 'body',
    draw: () => field('Body', h('textarea', { rows: 10, class: 'mono', spellcheck: 'false', value: typed, oninput: (event) => { typed = event.target.value; } }),
      { help: `What a ${trigger.method ?? 'POST'} request would bring, as JSON`, error }),
    value: () => (typed.trim() === '' ? undefined : JSON.parse(typed)),
    check: () => {
      error = null;
      try {
        if (typed.trim()) JSON.parse(typed);
      } catch (wrong) {
        error = `This is no JSON: ${wrong.message}`;
      }
      return !error;
    },
  };
}
