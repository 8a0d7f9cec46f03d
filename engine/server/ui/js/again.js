// A run is done again: from the beginning, also with another event, or from an action on. First it is shown what that comes to.

import { fill, h } from './dom.js';
import { post, runAddress } from './api.js';
import { busy, button, dialog, failed, field, notice, skeleton, toast } from './parts.js';
import { go, runPage } from './router.js';

/** What people are shown in the place of a secret. */
const HIDDEN = '*sanitized*';

export function again(page, how, from) {
  const run = page.id;
  const title = how === 'resubmit' ? 'Resubmit run' : from ? `Retry from “${from}”` : 'Retry run';
  let latest = false;
  const event = how === 'resubmit' ? otherEvent(page) : null;
  dialog({ title }, async (pane) => {
    const body = (preview) => ({ latest, preview, ...(from ? { from } : {}) });
    const draw = async () => {
      pane.show(skeleton(4), [button('Cancel', null, pane.close)]);
      let preview;
      let refused = null;
      try {
        preview = await post(runAddress(run, `/${how}`), body(true));
      } catch (error) {
        refused = error;
      }
      const box = h('input', { type: 'checkbox', checked: latest, onchange: () => { latest = box.checked; draw(); } });
      const start = button(how === 'resubmit' ? 'Resubmit' : 'Retry', null, () => busy(start, async () => {
        const other = event?.read();
        if (other?.error) return;
        const done = await post(runAddress(run, `/${how}`), { ...body(false), ...other });
        pane.close();
        toast('A new run has started');
        go(runPage(done.id));
      }), 'primary');
      start.disabled = Boolean(refused);
      pane.show(h('div', {}, refused ? (refused.status ? notice('warn', 'This is not possible', refused.message) : failed(refused)) : said(how, preview),
        refused ? null : event?.node, h('label', { class: 'check' }, box, 'Use the present version of the flow')), [button('Cancel', null, pane.close), start]);
    };
    await draw();
  });
}

function said(how, { from, takenOver, warnings }) {
  const names = (all) => h('ul', { class: 'plain-list' }, all.map((it) => h('li', {}, it)));
  return h('div', {}, how === 'resubmit' ? h('p', {}, 'Everything is done again with the same event, as a new run.')
    : [h('p', {}, 'A new run begins with:'), names(from), takenOver?.length ? h('details', {}, h('summary', {}, `${takenOver.length} actions before it are taken over and not done again`), names(takenOver)) : null],
  warnings.length ? notice('warn', 'This would be done a second time', null, names(warnings.map((it) => it.action))) : null);
}

/** The body of the event as text that may be changed: `read()` gives `{body}` of one that was, `{error}` of one that is no JSON. */
function otherEvent(page) {
  const text = h('textarea', { rows: 10, class: 'mono', spellcheck: 'false' });
  const place = h('div', {}, skeleton(2));
  let known = null;
  const show = (error) => fill(place, field('Body of the event', text, { help: 'JSON. The new run keeps it and says that it was edited.', error }));
  const load = async () => {
    const { outputs } = await page.source.action(undefined, true);
    if (outputs?.value === HIDDEN) {
      fill(place, h('p', { class: 'muted' }, 'The event is secure and not shown.'));
      return;
    }
    known = JSON.stringify(outputs?.value?.body ?? null, null, 2);
    text.value = known;
    show();
  };
  const node = h('details', {}, h('summary', {}, 'Change the event first'), place);
  node.addEventListener('toggle', () => {
    if (node.open && known === null) load().catch((error) => fill(place, failed(error, load)));
  });
  const read = () => {
    if (known === null || text.value === known) return {};
    try {
      return { body: JSON.parse(text.value) };
    } catch (error) {
      show(`This is no JSON: ${error.message}`);
      text.focus();
      return { error };
    }
  };
  return { node, read };
}
