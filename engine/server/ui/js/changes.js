// What changed between two versions of a flow, told in actions and fields and not in lines.

const OWN = ['kind', 'summary', 'condition', 'description'];

/** `[{what, kind, name, before, after}]`; `kind` is added, removed, renamed, moved or changed. */
export function flowChanges(before, after) {
  return [...named('Trigger', before.triggers, after.triggers, (it) => ({ ...it, line: 0 })), ...actionChanges(flat(before.actions), flat(after.actions)),
    ...named('Parameter', before.parameters, after.parameters), ...named('Connection', before.connections, after.connections),
    ...(before.name === after.name ? [] : [{ what: 'Flow', kind: 'renamed', name: after.name, before: before.name, after: after.name }])];
}

/** The same of the tables of a mapping. */
export function mappingChanges(name, before, after) {
  const fields = (table) => (table?.fields ?? []).map((it) => ({ ...it, name: it.target }));
  return named(`Field of ${name}`, fields(before), fields(after), (it) => ({ ...it, line: 0 }));
}

function named(what, before, after, normal = (it) => it) {
  const olds = new Map(before.map((it) => [it.name, it]));
  const found = [];
  for (const now of after) {
    const old = olds.get(now.name);
    olds.delete(now.name);
    if (!old) found.push({ what, kind: 'added', name: shown(now), after: settings(now) });
    else if (JSON.stringify(normal(old)) !== JSON.stringify(normal(now))) found.push({ what, kind: 'changed', name: shown(now), before: settings(old, now), after: settings(now, old) });
  }
  return [...found, ...[...olds.values()].map((it) => ({ what, kind: 'removed', name: shown(it), before: settings(it) }))];
}

const shown = (it) => it.displayName ?? it.name;

/** The members in a text, only those that differ from another. */
function settings(it, other) {
  const names = Object.keys(it).filter((name) => !['name', 'target', 'line', 'displayName', 'more'].includes(name) && it[name] !== null && JSON.stringify(it[name]) !== JSON.stringify(other?.[name]));
  return names.map((name) => `${name}: ${typeof it[name] === 'string' ? it[name] : JSON.stringify(it[name])}`).join('\n');
}

function flat(cards, parent = null, into = []) {
  cards.forEach((card, index) => {
    into.push({ card, place: parent, index });
    for (const block of card.blocks ?? []) flat(block.actions, `${card.name}${block.label ? ` (${block.label})` : ''}`, into);
  });
  return into;
}

/** What an action says itself, without what is inside. */
function own(card) {
  const after = card.runAfter ? `runAfter: ${card.runAfter.map((it) => `${it.name} ${it.statuses.join('/')}`).join(', ')}` : '';
  if (card.blocks?.length) return [...OWN.map((name) => card[name] && `${name}: ${card[name]}`), after].filter(Boolean).join('\n');
  return dedent(card.text ?? '');
}

function dedent(text) {
  const lines = text.split('\n');
  const indents = lines.slice(1).filter((it) => it.trim()).map((it) => /^ */.exec(it)[0].length);
  const least = indents.length ? Math.min(...indents) : 0;
  return lines.map((it, index) => (index ? it.slice(least) : it).trimEnd()).join('\n').trim();
}

function actionChanges(before, after) {
  const olds = new Map(before.map((it) => [it.card.name, it]));
  const added = [];
  const found = [];
  for (const now of after) {
    const old = olds.get(now.card.name);
    if (!old) {
      added.push(now);
      continue;
    }
    olds.delete(now.card.name);
    if (old.place !== now.place) found.push({ what: 'Action', kind: 'moved', name: now.card.name, before: old.place ?? 'top level', after: now.place ?? 'top level' });
    if (own(old.card) !== own(now.card)) found.push({ what: 'Action', kind: 'changed', name: now.card.name, before: own(old.card), after: own(now.card) });
  }
  for (const now of added) {
    // One that is gone and says the same under another name was renamed.
    const text = nameless(now.card);
    const old = [...olds.values()].find((it) => it.card.kind === now.card.kind && nameless(it.card) === text);
    if (old) {
      olds.delete(old.card.name);
      found.push({ what: 'Action', kind: 'renamed', name: now.card.name, before: old.card.name, after: now.card.name });
    } else found.push({ what: 'Action', kind: 'added', name: now.card.name, after: own(now.card) });
  }
  return [...found, ...[...olds.values()].map((it) => ({ what: 'Action', kind: 'removed', name: it.card.name, before: own(it.card) }))];
}

const nameless = (card) => own(card).split('\n').filter((it) => !it.includes(card.name)).join('\n');
