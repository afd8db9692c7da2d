/**
 * The form of the phone, and the stream behind it: sends what was chosen to the simulator, which walks the verification,
 * and draws each step at a pace that people can follow.
 */

import { createDiagram, element } from './diagram.js'
import { describeOutcome, hideResult, showResult } from './result.js'

const stepNames = {
  start: 'At the start',
  redirect: 'At the redirect',
  token: 'At the exchange of the code',
  verify: 'At the check',
  check: 'At the check',
  device: 'At the URL that the phone opens',
  next: 'On the way to the SMS',
  sms: 'By SMS',
}
const beatMs = matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 260

const form = document.getElementById('phone')
const number = document.getElementById('number')
const example = document.getElementById('example')
const sms = document.getElementById('sms')
const notification = document.getElementById('notification')
const attacker = document.getElementById('attacker')
const button = document.getElementById('verify')
const progress = document.getElementById('progress')
const diagram = createDiagram()

diagram.clear({ withAttacker: false })
showClock()
setInterval(showClock, 10_000)
await showNumbers()

example.addEventListener('change', () => {
  if (example.value) number.value = example.value
})
number.addEventListener('input', showChoice)
form.addEventListener('change', showNetwork)
for (const product of form.elements.product) product.addEventListener('change', showNumbers)
attacker.addEventListener('change', () => {
  if (!isBusy()) reset()
})
form.addEventListener('submit', (event) => {
  event.preventDefault()
  if (!isBusy()) verify()
})

/** One verification, from the button to the result. */
async function verify() {
  setBusy(true)
  reset()
  diagram.startWaiting()
  say('Verifying…')
  let outcome
  let attack
  try {
    for await (const event of walk()) {
      if (event.type === 'step') await draw(event.step)
      if (event.type === 'attack') attack = event
      if (event.type === 'sms') notify(event.text)
      if (event.type === 'outcome') outcome = event.outcome
    }
  } catch {
    // What came is drawn; the card says that no result did.
  }
  diagram.stopWaiting()
  const result = describeOutcome(outcome)
  showResult(result, attack)
  say(outcome?.code ? `${result.title}. ${outcome.advice}` : `${result.title}.`, result.tone)
  document
    .getElementById('result')
    .scrollIntoView({ block: 'nearest', behavior: beatMs ? 'smooth' : 'instant' })
  setBusy(false)
}

/** The events of one walk, as they come. */
async function* walk() {
  const response = await fetch('/phone/verify', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      phone_number: number.value.trim(),
      network: form.elements.network.value,
      with_attacker: attacker.checked,
      with_sms: sms.checked,
    }),
  })
  if (!response.ok) return
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of response.body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop()
    for (const line of lines) yield JSON.parse(line)
  }
}

async function draw(step) {
  document.getElementById('empty').hidden = true
  say(`${step.caption}…`)
  const row = diagram.add(step)
  await beat()
  for (const hop of step.inside ?? []) {
    diagram.add(hop, row.querySelector('ol'))
    await beat()
  }
}

function beat() {
  return new Promise((resolve) => setTimeout(resolve, beatMs))
}

function reset() {
  diagram.clear({ withAttacker: attacker.checked })
  document.getElementById('empty').hidden = isBusy()
  hideResult()
  notification.hidden = true
  say('')
}

function say(text, tone = '') {
  progress.textContent = text
  progress.className = `progress ${tone}`
}

/** The SMS, as the phone shows it. */
function notify(text) {
  notification.textContent = text
  notification.hidden = false
}

/** Keeps the focus on the button, which a disabled one would lose. */
function setBusy(busy) {
  button.setAttribute('aria-disabled', String(busy))
  button.textContent = busy ? 'Verifying' : 'Verify'
}

function isBusy() {
  return button.getAttribute('aria-disabled') === 'true'
}

function showClock() {
  const time = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false })
  document.getElementById('clock').textContent = time
}

function showNetwork() {
  const isWifi = form.elements.network.value === 'wifi'
  document.querySelector('.radio').classList.toggle('wifi', isWifi)
  document.getElementById('radio-name').textContent = isWifi ? 'Wi-Fi' : '5G'
}

/** Fills the list of the numbers that the simulator documents, grouped by their steps. The number is in the field below. */
async function showNumbers() {
  const rows = await (await fetch(`/phone/${form.elements.product.value}`)).json()
  const groups = Map.groupBy(rows, ({ step }) => step)
  example.replaceChildren(element('option', { value: '', textContent: 'Own choice' }))
  for (const step of ['verify', 'check', 'start', 'redirect', 'token', 'device', 'next', 'sms']) {
    if (!groups.has(step)) continue
    const group = element('optgroup', { label: stepNames[step] })
    for (const { number: value, description, rule } of groups.get(step)) {
      const textContent = `${description.replace(/ \(.*\)$/, '')}${rule ? ', such numbers' : ''}`
      group.append(element('option', { value, textContent }))
    }
    example.append(group)
  }
  showChoice()
}

/** Keeps the list true to what is typed. */
function showChoice() {
  example.value = number.value
  if (example.selectedIndex < 0) example.value = ''
}
