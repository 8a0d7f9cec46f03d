// Who has changed what: the audit log, for administrators.

import { fill, h } from './dom.js';
import { get, query as asQuery } from './api.js';
import { ago, line, moment } from './format.js';
import { button, complain, empty, failed } from './parts.js';

export async function render(root, { query, signal }) {
  const head = h('header', { class: 'page-head' }, h('h1', {}, 'Activity'));
  let answer;
  try {
    answer = await get(`/api/v1/audit${asQuery({ ...query, limit: 100 })}`, signal);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    fill(root, head, error.status === 403 ? empty('audit', 'Only for administrators', 'Your role may not read what others have changed.') : failed(error));
    return;
  }
  const rows = h('tbody', {}, answer.value.map(row));
  const foot = h('footer', { class: 'pages' });
  const more = (next) => fill(foot, next ? button('Older', 'chevron', async () => {
    try {
      const older = await get(next, signal);
      rows.append(...older.value.map(row));
      more(older.nextLink);
    } catch (error) {
      complain(error);
    }
  }) : null);
  more(answer.nextLink);
  fill(root, head, answer.value.length ? h('table', { class: 'list' }, h('thead', {}, h('tr', {}, ['When', 'Who', 'What', 'Target', 'Details'].map((it) => h('th', { scope: 'col' }, it)))), rows)
    : empty('audit', 'Nothing yet', 'Every change that is made here or by the command line is noted.'), foot);
}

/** What is only looked at beforehand is noted as well; it says so in a word. */
function row(it) {
  const { preview, ...details } = it.details ?? {};
  return h('tr', {}, h('td', { class: 'main-cell whole', title: moment(it.time) }, ago(it.time)), h('td', { 'data-label': 'Who' }, h('span', {}, it.who, ' ', h('span', { class: 'muted small' }, it.kind))),
  h('td', { 'data-label': 'What', class: 'whole' }, h('code', {}, it.action), preview ? h('span', { class: 'chip small' }, 'preview') : null),
  h('td', { 'data-label': 'Target' }, it.target ? h('code', {}, it.target) : ''), h('td', { 'data-label': 'Details', class: 'muted small' }, Object.keys(details).length ? h('code', {}, line(details, 120)) : ''));
}
