// The events of a run as they were written down; new ones appear while it goes on.

import { download, fill, h } from './dom.js';
import { clock, moment, number } from './format.js';
import { valueView } from './json.js';
import { busy, button, complain } from './parts.js';

/** Events that are drawn; the download has all of them. */
const SHOWN_MAX = 2_000;

export function journal(root, page) {
  const list = h('ol', { class: 'journal' });
  const foot = h('p', { class: 'muted' });
  const save = button('Download as JSON', 'download', () => busy(save, () => all(page.source)));
  fill(root, h('div', { class: 'button-row' }, save), list, foot);
  let after = 0;
  let loading = false;
  const more = async () => {
    if (loading || SHOWN_MAX <= after) return;
    loading = true;
    try {
      let next = true;
      while (next && after < SHOWN_MAX && !page.signal.aborted) {
        const { value, nextLink } = await page.source.journal(after);
        for (const event of value) list.append(row(event));
        after += value.length;
        next = Boolean(nextLink);
      }
      fill(foot, after < SHOWN_MAX ? `${number(after)} events` : `The first ${number(after)} events; the download has all of them`);
    } catch (error) {
      complain(error);
    }
    loading = false;
  };
  page.onchange = more;
  more();
}

function row({ number: index, time, ...event }) {
  const body = h('div', {});
  const what = event.type ?? event.kind?.type ?? Object.keys(event)[0];
  const node = h('details', {}, h('summary', {}, h('span', { class: 'numeric muted' }, index), ' ', h('time', { title: moment(time) }, clock(time)), ' ', h('strong', {}, what), ' ',
    h('span', { class: 'muted' }, event.path ?? '')), body);
  node.addEventListener('toggle', () => { if (node.open && !body.firstChild) body.append(valueView(event)); });
  return h('li', {}, node);
}

async function all(source) {
  const events = [];
  for (;;) {
    const { value, nextLink } = await source.journal(events.length);
    events.push(...value);
    if (!nextLink || !value.length) break;
  }
  download(`journal-${source.id}.json`, JSON.stringify(events, null, 2));
}
