// Signing in and out.

import { fill, h } from './dom.js';
import { post, remove, whoAmI } from './api.js';
import { button, busy, complain, field } from './parts.js';
import { icon } from './icons.js';

/** Who is signed in, with a way out; nothing where nobody has to sign in. */
export function userMenu(session) {
  if (!session?.required || !session.user) return null;
  return [h('span', { class: 'muted', title: `Role: ${session.user.role}` }, session.user.name),
    h('button', { type: 'button', class: 'link', onclick: async () => {
      await remove('/api/v1/session').catch(complain);
      location.reload();
    } }, 'Sign out')];
}

/** The page for a stranger. */
export function signIn(again) {
  const root = h('div', { class: 'sign-in' });
  const draw = async () => {
    const session = await whoAmI(true);
    const ways = session?.signIn ?? ['token'];
    const token = h('input', { type: 'password', autocomplete: 'current-password', spellcheck: 'false' });
    const enter = button('Sign in', null, () => busy(enter, async () => {
      await post('/api/v1/session', { token: token.value.trim() });
      location.reload();
    }), 'primary');
    const form = h('form', { onsubmit: (event) => { event.preventDefault(); enter.click(); } },
      field('Token', token, { help: 'Made with: flowright tokens create' }), enter);
    const next = encodeURIComponent(`/${location.hash}`);
    fill(root, icon('person', 40), h('h1', {}, 'Sign in'),
      ways.includes('oidc') ? h('a', { class: 'button primary', href: `/auth/login?next=${next}` }, 'Sign in with your organisation') : null,
      ways.includes('token') ? form : null, h('button', { type: 'button', class: 'link', onclick: again }, 'Try again'));
  };
  draw();
  return root;
}
