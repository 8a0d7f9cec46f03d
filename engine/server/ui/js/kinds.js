// The kinds of actions and triggers in Power Automate's words.

const ACTIONS = {
  call: ['Connector action', 'plug', 'teal'],
  http: ['HTTP', 'globe', 'green'],
  httpWebhook: ['HTTP Webhook', 'globe', 'green'],
  compose: ['Compose', 'braces', 'violet'],
  parseJson: ['Parse JSON', 'braces', 'violet'],
  select: ['Select', 'table', 'violet'],
  filter: ['Filter array', 'filter', 'violet'],
  join: ['Join', 'table', 'violet'],
  table: ['Create table', 'table', 'violet'],
  expression: ['Expression', 'braces', 'violet'],
  initialize: ['Initialize variable', 'variable', 'violet'],
  set: ['Set variable', 'variable', 'violet'],
  increment: ['Increment variable', 'variable', 'violet'],
  decrement: ['Decrement variable', 'variable', 'violet'],
  append: ['Append to variable', 'variable', 'violet'],
  map: ['Map fields', 'map', 'blue'],
  compare: ['Compare fields', 'compare', 'blue'],
  approval: ['Start and wait for an approval', 'person', 'teal'],
  wait: ['Delay', 'clock', 'slate'],
  scope: ['Scope', 'scope', 'slate'],
  if: ['Condition', 'branch', 'slate'],
  switch: ['Switch', 'branch', 'slate'],
  foreach: ['Apply to each', 'loop', 'slate'],
  until: ['Do until', 'loop', 'slate'],
  terminate: ['Terminate', 'stop', 'red'],
  respond: ['Response', 'reply', 'green'],
  runFlow: ['Run a child flow', 'child', 'blue'],
  sendToBatch: ['Send to batch', 'child', 'blue'],
  unsupported: ['Not supported here', 'alert', 'red'],
};

const TRIGGERS = {
  request: ['When an HTTP request is received', 'globe', 'green'],
  manual: ['Manually trigger a flow', 'person', 'blue'],
  recurrence: ['Recurrence', 'clock', 'slate'],
  on: ['Connector trigger', 'plug', 'teal'],
  http: ['HTTP poll', 'globe', 'green'],
  httpWebhook: ['HTTP Webhook', 'globe', 'green'],
  flow: ['When another flow calls', 'child', 'blue'],
  batch: ['Batch messages', 'child', 'blue'],
};

const named = ([title, shape, tone]) => ({ title, shape, tone });
export const actionKind = (kind) => named(ACTIONS[kind] ?? ['Action', 'bolt', 'slate']);
export const triggerKind = (kind) => named(TRIGGERS[kind] ?? ['Trigger', 'bolt', 'slate']);

/** What a block of an action is called on its card. */
export function blockTitle(kind, label) {
  if (kind === 'if') return label === 'yes' ? 'If yes' : 'If no';
  if (kind === 'switch') return label === 'default' ? 'Default' : `Case: ${label}`;
  return label;
}
