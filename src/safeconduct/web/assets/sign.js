// The page on which somebody signs an act: shows exactly what it is about, checks that it is, signs and sends.
import { ask, canonical, hex, place, sha256, signedAct, step } from './passkeys.js';

const here = place();
const main = document.querySelector('main');
const by = (id) => document.getElementById(id);
const source = `/api/v1/to-sign/${main.dataset.kind}/${main.dataset.subject}`;
const NAME = 'safeconduct-name';

by('name').value = localStorage.getItem(NAME) ?? '';
by('who').addEventListener('submit', (event) => {
  event.preventDefault();
  step('Waiting for your passkey…', show);
});

async function show() {
  const actor = by('name').value.trim();
  by('shown').hidden = true;
  const wanted = await ask('GET', source, undefined, await signedAct(actor, 'GET', source, '', here.rp));
  localStorage.setItem(NAME, actor);
  if (wanted.proposal) await check(wanted);
  by('title').textContent = visible(wanted.title);
  by('facts').replaceChildren(...facts(wanted.text));
  by('text').textContent = visible(wanted.text);
  const cast = wanted.proposal?.votes.find((one) => one.voter === actor);
  const choices = cast ? [] : wanted.choices;
  const asks = choices.map((one) => one.asks).filter(Boolean);
  by('typed-row').hidden = asks.length === 0;
  by('typed-label').textContent = asks[0] === 'fingerprint' ? 'Fingerprint that its holder told you, or the reason' : 'Reason';
  by('choices').replaceChildren(...choices.map((one) => button(actor, one)));
  by('votes').textContent = votes(wanted);
  by('shown').hidden = false;
  by('title').focus();
  if (cast) return `You have voted on this: ${cast.verdict}.`;
  return choices.length ? '' : 'There is nothing left to sign here.';
}

/** Makes the digest that is voted on of the text that is shown: a server that shows another text is found out. */
async function check({ text, proposal, choices }) {
  const made = hex(await sha256(canonical({
    approval: proposal.id,
    origin: proposal.origin,
    kind: proposal.kind,
    content: hex(await sha256(text)),
    proposer: proposal.proposer,
    recused: proposal.recused,
    groups: proposal.groups.map(({ organization, role, count }) => ({ organization, role, count })),
    expires_at: microseconds(proposal.expires_at),
  })));
  if (proposal.draft !== made || choices.some((one) => one.body.draft !== made)) {
    throw new Error('The text that the server shows is not what it has put to the vote. Do not vote; tell the other party.');
  }
}

function microseconds(text) {
  const [whole, fraction = ''] = text.replace('Z', '').split('.');
  return Date.parse(`${whole}Z`) * 1000 + Number(fraction.padEnd(6, '0'));
}

/** Text in which nothing hides or turns around: what nobody sees is written out. What is signed is the text itself. */
function visible(text) {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (one) => (one === '\n' ? one : `\\u{${one.codePointAt(0).toString(16)}}`));
}

/** The same for people, where the exact text is JSON: made of that text and of nothing else. */
function facts(text) {
  let stated;
  try { stated = JSON.parse(text); } catch { return []; }
  const shown = (value) => (value !== null && typeof value === 'object' && !Array.isArray(value)
    ? Object.entries(value).map(([name, one]) => `${name} ${shown(one)}`).join(', ')
    : typeof value === 'string' ? value : canonical(value));
  return Object.entries(stated).filter(([, value]) => value !== null && shown(value) !== '').flatMap(([name, value]) => {
    const [term, said] = [document.createElement('dt'), document.createElement('dd')];
    term.textContent = visible(name.replaceAll('_', ' '));
    said.replaceChildren(...unbroken(visible(shown(value))));
    return [term, said];
  });
}

/** Text whose times stay whole: broken within its digits, a time reads as another. */
function unbroken(text) {
  return text.split(/(\d{4}-\d\d-\d\dT[\d:.]+Z)/).map((part, at) => {
    const made = document.createElement('span');
    made.className = at % 2 ? 'when' : '';
    made.textContent = part;
    return made;
  });
}

function votes({ proposal }) {
  if (!proposal) return '';
  const needed = proposal.groups.map((one) => `${one.count} ${one.role} of ${one.organization}`).join(', ');
  const cast = proposal.votes.map((one) => `${one.voter}: ${one.verdict}`).join(', ') || 'none yet';
  return `Proposed by ${proposal.proposer}. Needs ${needed}, until ${proposal.expires_at}. Votes: ${cast}.`;
}

function button(actor, choice) {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = choice.label;
  made.addEventListener('click', () => step('Waiting for your passkey…', () => sign(actor, choice)));
  return made;
}

async function sign(actor, choice) {
  const typed = by('typed').value.trim();
  if (choice.asks && !typed) {
    by('typed').focus();
    throw new Error(`${choice.label} needs a ${choice.asks}.`);
  }
  const body = canonical(choice.asks ? { ...choice.body, [choice.asks]: typed } : choice.body);
  by('signed').textContent = `POST ${choice.path}\n${body}`;
  await ask('POST', choice.path, body, await signedAct(actor, 'POST', choice.path, body, here.rp));
  by('signed').parentElement.hidden = false;
  by('votes').textContent = '';
  by('choices').replaceChildren();
  by('typed-row').hidden = true;
  return `${choice.label}: signed by ${actor} and in the log.`;
}
