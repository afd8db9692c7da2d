/** The card that says how a verification ended and what the app should do next. */

import { element } from './diagram.js'

const marks = {
  verified: 'M15 22.5l5 5 9.5-11',
  refused: 'M16 16l12 12M28 16L16 28',
}

/** @param outcome of the stream; `undefined` when the stream ended without one */
export function describeOutcome(outcome) {
  if (!outcome) {
    return {
      tone: 'refused',
      title: 'No result',
      text: 'The simulator broke off. Its terminal may say why.',
      facts: [],
    }
  }
  const { verified, advice, receipt } = outcome
  if (verified === true)
    return {
      tone: 'verified',
      title: 'Verified',
      text: advice,
      facts: receipt ? describeReceipt(receipt) : [],
    }
  if (verified === false) return { tone: 'refused', title: 'Not verified', text: advice, facts: [] }
  return {
    tone: 'refused',
    title: outcome.title,
    text: outcome.detail,
    facts: [
      ['The app should', advice, outcome.next_action],
      ['Problem code', '', outcome.code],
    ],
  }
}

/** What a backend that is handed it finds. */
function describeReceipt({ header, claims, check }) {
  const said = Object.entries(claims).map(([name, value]) => [name, '', asText(name, value)])
  return [['Receipt, for a backend', `checked by the key set (${header.alg}):`, check], ...said]
}

function asText(name, value) {
  if (name === 'iat' || name === 'exp') return new Date(value * 1000).toISOString()
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Shows the card. @param attack what the attacker got, if there was one */
export function showResult({ tone, title, text, facts }, attack) {
  const heading = element('h3', { id: 'result-title', textContent: title })
  const list = element('dl')
  const rows = attack ? [...facts, describeAttack(attack)] : facts
  for (const [name, words, code] of rows) {
    const value = element('dd', { textContent: words ? `${words} ` : '' })
    value.append(element('code', { textContent: code }))
    list.append(element('dt', { textContent: name }), value)
  }
  const card = document.getElementById('result')
  card.replaceChildren(createMark(tone), heading, element('p', { textContent: text }), list)
  card.className = `result ${tone}`
  card.hidden = false
}

function describeAttack({ status, code }) {
  if (status === 200) return ['The attacker', 'collected the result:', '200']
  return ['The attacker', 'was refused, with the right code and state but another account:', String(code)]
}

export function hideResult() {
  document.getElementById('result').hidden = true
}

function createMark(tone) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('class', 'mark')
  svg.setAttribute('viewBox', '0 0 44 44')
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', marks[tone])
  svg.append(path)
  return svg
}
