// Connections of the environment: what they are to, whether they can be used, who uses them. Secrets are never here.

import { fill, h } from './dom.js';
import { get, may, part, post } from './api.js';
import { icon } from './icons.js';
import { span } from './format.js';
import { busy, button, empty, failed, notice } from './parts.js';
import { flowPage } from './router.js';

export async function render(root, { signal }) {
  const operator = await may('operator');
  let all;
  try {
    all = (await get('/api/v1/connections', signal)).value;
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    fill(root, head(), failed(error));
    return;
  }
  fill(root, head(), all.length ? h('ul', { class: 'tiles' }, all.map((it) => one(it, operator)))
    : empty('plug', 'No connections', 'Connections are in the file of the environment. Add one with: flowright connections add'));
}

const head = () => h('header', { class: 'page-head' }, h('h1', {}, 'Connections'));

function one(connection, operator) {
  const answer = h('div', { 'aria-live': 'polite' });
  const state = connection.usable
    ? h('span', { class: 'badge good' }, icon('check', 14), h('span', {}, 'Connected'))
    : h('span', { class: 'badge bad' }, icon('alert', 14), h('span', {}, 'Needs attention'));
  const test = button('Test', 'bolt', () => busy(test, async () => {
    const it = await post(`/api/v1/connections/${part(connection.name)}/test`);
    fill(answer, it.works ? notice('good', 'It works', `${it.what ?? ''} ${it.tookMs === undefined || it.tookMs === null ? '' : `(${span(it.tookMs)})`}`) : notice('bad', it.code ?? 'It does not work', it.message));
  }));
  return h('li', { class: 'box' }, h('header', {}, h('span', { class: 'tile teal' }, icon('plug', 18)), h('div', { class: 'grow' }, h('h2', {}, connection.name), h('p', { class: 'muted small' }, connection.connector)), state),
    connection.problem ? notice('warn', 'It cannot be used', connection.problem) : null,
    h('p', { class: 'small' }, h('span', { class: 'muted' }, 'Signs in by '), connection.auth ?? 'nothing', connection.loggedIn === false ? h('span', { class: 'muted' }, ' · log in with: flowright connections login') : null),
    connection.flows?.length ? h('p', { class: 'small' }, h('span', { class: 'muted' }, 'Used by '), connection.flows.map((flow, index) => [index ? ', ' : '', h('a', { href: flowPage(flow) }, flow)])) : h('p', { class: 'muted small' }, 'No flow uses it'),
    answer, operator ? h('div', { class: 'button-row' }, test) : null);
}
