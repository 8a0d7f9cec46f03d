// Where a run comes from: the service, or a file that was downloaded from one and is looked at elsewhere, later, offline.

import { download } from './dom.js';
import { get, query as asQuery, runAddress } from './api.js';
import { FORMAT, readRun } from './imported.js';

/** Actions, and passes of one loop, that a download has in full. */
const ACTIONS_MAX = 400;
const PASSES_MAX = 60;

export function live(id, signal) {
  const of = (rest, members) => get(runAddress(id, `${rest}${asQuery(members)}`), signal);
  return {
    id,
    isLive: true,
    tree: () => of('/tree'),
    pass: async (path, pass) => (await of('/passes', { path, pass: String(pass) })).actions,
    action: (path, full) => of('/action', { path, full: full ? 'true' : '' }),
    journal: (after) => of('/journal', { after }),
  };
}

/** The run that was last opened from a file. */
let opened = null;
export const openedRun = () => opened;

/** Opens a file that has a run in it. */
export async function openFile(file) {
  opened = await readRun(file);
}

/** Downloads a run with what its pages show of it. */
export async function save(source) {
  const run = await source.tree();
  const kept = { format: FORMAT, run, actions: { '': await source.action(undefined, true) }, passes: {}, journal: [] };
  await collect(source, run.actions, kept);
  for (;;) {
    const { value, nextLink } = await source.journal(kept.journal.length);
    kept.journal.push(...value);
    if (!nextLink || !value.length) break;
  }
  download(`run-${source.id}.json`, JSON.stringify(kept, null, 1));
}

async function collect(source, nodes, kept) {
  for (const node of nodes) {
    if (ACTIONS_MAX < Object.keys(kept.actions).length) return;
    kept.actions[node.path] = await source.action(node.path, true);
    for (const block of node.blocks ?? []) await collect(source, block.actions, kept);
    for (const pass of node.loop ? chosen(node.loop.strip) : []) {
      kept.passes[`${node.path}#${pass}`] = await source.pass(node.path, pass);
      await collect(source, kept.passes[`${node.path}#${pass}`], kept);
    }
  }
}

/** Of very many passes those that failed, and the first ones. */
function chosen(strip) {
  const all = [...strip.slice(0, 200_000)].map((letter, pass) => ({ letter, pass }));
  const bad = all.filter((it) => it.letter === 'f' || it.letter === 't').slice(0, PASSES_MAX / 2);
  const first = all.slice(0, PASSES_MAX - bad.length);
  return new Set([...first, ...bad].map((it) => it.pass));
}
