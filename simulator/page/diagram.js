/**
 * Draws the requests of a verification, one row each: words, the arrow there, what happened inside, the arrow back.
 * Text from the stream becomes text nodes only.
 */

const names = {
  attacker: 'Attacker',
  device: 'App',
  service: 'Our service',
  vonage: 'Vonage',
  carrier: 'Carrier',
  identity_provider: 'Identity provider',
  elsewhere: 'Elsewhere',
}

/** @returns functions that empty the diagram and add a row to it */
export function createDiagram() {
  const diagram = document.getElementById('diagram')
  const lanesRow = document.getElementById('lanes')
  const hops = document.getElementById('hops')
  const waiting = element('li', { className: 'waiting' })
  waiting.setAttribute('aria-hidden', 'true')
  let lanes = []

  function clear({ withAttacker }) {
    lanes = [...(withAttacker ? ['attacker'] : []), 'device', 'service', 'vonage', 'carrier']
    diagram.style.setProperty('--lanes', String(lanes.length))
    diagram.classList.toggle('with-attacker', withAttacker)
    lanesRow.replaceChildren(
      ...lanes.map((lane) => element('span', { className: `lane-${lane}`, textContent: names[lane] })),
    )
    hops.replaceChildren()
  }

  /** Adds the row of a step, and gives the rows inside it, to be added in their turn. */
  function add(step, list = hops) {
    const row = createRow(step, lanes)
    list.append(row)
    if (list === hops) hops.append(waiting)
    return row
  }

  return { clear, add, stopWaiting: () => waiting.remove(), startWaiting: () => hops.append(waiting) }
}

function createRow(step, lanes) {
  const from = lanes.indexOf(step.from)
  const to = lanes.indexOf(step.to)
  const row = element('li', { className: 'hop' })
  row.classList.toggle('failed', step.status === 0 || step.status >= 400)
  row.classList.toggle('of-attacker', step.from === 'attacker')
  row.classList.toggle('outer', step.inside !== undefined)
  row.style.setProperty('--left', String(to < 0 ? from : Math.min(from, to)))
  row.style.setProperty('--span', String(to < 0 ? 0 : Math.abs(to - from)))

  const summary = element('summary')
  summary.append(
    createLabel(step),
    to < 0 ? element('div', { className: 'dot' }) : createArrow(from > to, ''),
  )
  const details = element('details')
  details.append(summary, createPayloads(step))
  row.append(details)
  if (step.inside) row.append(element('ol'))
  if (to >= 0) row.append(createArrow(from < to, 'answer'))
  return row
}

function createLabel(step) {
  const caption = element('span', { className: 'caption', textContent: step.caption })
  caption.prepend(hidden(`${names[step.from]} to ${names[step.to]}: `))
  const wire = element('span', { className: 'wire', textContent: `${step.method} ${step.path} ` })
  const answer = element('span', { className: 'answered' })
  const status = step.status === 0 ? 'no answer' : String(step.status)
  answer.append(element('span', { className: 'status', textContent: status }), ` ${step.durationMs} ms`)
  wire.append(answer)
  const text = element('span', { className: 'text' })
  text.append(caption, wire)
  const label = element('span', { className: 'label' })
  label.append(text)
  return label
}

function createArrow(leftwards, kind) {
  const arrow = element('div', { className: `arrow ${kind}` })
  arrow.classList.toggle('leftwards', leftwards)
  return arrow
}

function createPayloads({ headers, request, response }) {
  const payloads = element('div', { className: 'payloads' })
  for (const [title, value] of [
    ['Headers of note', headers],
    ['Request', request],
    ['Answer', response],
  ]) {
    if (isEmpty(value)) continue
    const part = element('div')
    part.append(
      element('h4', { textContent: title }),
      element('pre', { textContent: typeof value === 'string' ? value : JSON.stringify(value, null, 2) }),
    )
    payloads.append(part)
  }
  if (payloads.childElementCount === 0) payloads.textContent = 'Nothing but the request itself.'
  return payloads
}

function isEmpty(value) {
  return (
    value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
  )
}

function hidden(text) {
  return element('span', { className: 'visually-hidden', textContent: text })
}

/** A new element with these properties. */
export function element(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties)
}
