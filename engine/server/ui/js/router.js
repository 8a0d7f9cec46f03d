// Which page the address names. Addresses are behind `#`, so that every one of them can be kept and sent.

/** A link to a page: `to('/runs', {status: 'Failed'})`. */
export function to(path, members) {
  const given = Object.entries(members ?? {}).filter(([, it]) => it !== undefined && it !== null && it !== '');
  const text = new URLSearchParams(given).toString();
  return `#${path}${text ? `?${text}` : ''}`;
}

export const flowPage = (flow, tab) => `#/flows/${encodeURIComponent(flow)}${tab ? `/${tab}` : ''}`;
export const runPage = (run, members) => to(`/runs/${encodeURIComponent(run)}`, members);

/** `{segments, query}` of the present address. */
export function here() {
  const [path, text = ''] = location.hash.replace(/^#/, '').split('?');
  const segments = path.split('/').filter(Boolean).map(decode);
  return { segments, query: Object.fromEntries(new URLSearchParams(text)) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Goes to a page. */
export function go(address) {
  location.hash = address.replace(/^#/, '');
}

/** Puts another address in the place of the present one; the page stays as it is. */
export function rename(address) {
  history.replaceState(null, '', address);
}
