// The Git commits that hold versions of a flow.

import { h } from './dom.js';
import { flowAddress, get, query as asQuery } from './api.js';
import { brief, moment } from './format.js';
import { complain } from './parts.js';

/** Commits by version, of all versions or of one; null where there is no repository. */
export async function commitsOf(flow, version, signal) {
  try {
    const { value, reason } = await get(flowAddress(flow, `/commits${asQuery({ version })}`), signal);
    return reason ? null : new Map(value.filter((it) => it.commit).map((it) => [it.version, it.commit]));
  } catch (error) {
    complain(error);
    return null;
  }
}

/** A commit's short name, which leads to its page if it has one. */
export function commitLink({ id, subject, time, url }) {
  const title = `${subject} (${moment(time)})`;
  const name = h('code', {}, brief(id, 7));
  return url ? h('a', { href: url, title, rel: 'noreferrer', target: '_blank' }, name) : h('span', { title }, name);
}
