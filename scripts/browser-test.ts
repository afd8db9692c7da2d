/**
 * `npm run test:browser [-- <folder for screenshots>]`: drives the phone page by keyboard in Chromium, and opens the API's documents.
 * Needs a Chromium on this machine (CHROMIUM_PATH, or where Linux puts it); without one it says so and exits 0.
 */

import assert from 'node:assert/strict'
import { existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { type LocalWorld, openLocalWorld } from './local-world.ts'

const browserPaths = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
const browserFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
/** More than a walk with its animation takes. */
const resultTimeoutMs = 30_000

const documentedPaths = [
  '/v1/network-enablement',
  '/v1/network-enablement/callback',
  '/v1/number-verification',
  '/v1/sms-verification',
]

interface Visit {
  name: string
  size: 'phone' | 'desktop'
  colorScheme: 'light' | 'dark'
  reducedMotion: 'reduce' | 'no-preference'
  number: string
  wifi?: boolean
  attacker?: boolean
  sms?: boolean
  /** The heading of the card, and what else it says. */
  result: [title: string, ...texts: string[]]
}

const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } }

const visits: Visit[] = [
  {
    name: 'desktop-light-verified',
    size: 'desktop',
    colorScheme: 'light',
    reducedMotion: 'no-preference',
    number: '+99012345678',
    result: ['Verified', 'belongs to the SIM card'],
  },
  {
    name: 'desktop-dark-attacker',
    size: 'desktop',
    colorScheme: 'dark',
    reducedMotion: 'reduce',
    number: '+99012345678',
    attacker: true,
    result: ['Verified', 'was refused', 'invalid_state'],
  },
  {
    name: 'phone-light-not-verified',
    size: 'phone',
    colorScheme: 'light',
    reducedMotion: 'reduce',
    number: '+99012345677',
    result: ['Not verified', 'has another number'],
  },
  {
    name: 'phone-dark-wifi',
    size: 'phone',
    colorScheme: 'dark',
    reducedMotion: 'no-preference',
    number: '+99012345678',
    wifi: true,
    result: ['Not on the carrier network', 'not_on_carrier_network', 'Offer another factor', 'use_fallback'],
  },
  {
    name: 'phone-light-sms',
    size: 'phone',
    colorScheme: 'light',
    reducedMotion: 'reduce',
    number: '+447700900123',
    wifi: true,
    sms: true,
    result: ['Verified'],
  },
  {
    name: 'desktop-dark-sms',
    size: 'desktop',
    colorScheme: 'dark',
    reducedMotion: 'no-preference',
    number: '+447700900123',
    wifi: true,
    sms: true,
    result: ['Verified'],
  },
]

const executablePath = browserPaths.find((path) => path !== undefined && existsSync(path))
if (executablePath === undefined) {
  console.log('skipped: no Chromium found; set CHROMIUM_PATH, or install it (apt-get install chromium)')
  process.exit(0)
}
const folder = process.argv[2] === undefined ? undefined : resolve(process.argv[2])
if (folder) mkdirSync(folder, { recursive: true })

const world = await openLocalWorld()
const browser = await chromium.launch({ executablePath, args: browserFlags })
try {
  for (const visit of visits) {
    await visitPhonePage(browser, world, visit)
    console.log(`ok ${visit.name}`)
  }
  await visitDocuments(browser, world)
  console.log('ok documents')
} finally {
  await browser.close()
  await world.close()
}

async function visitPhonePage(browser: Browser, { simulator }: LocalWorld, visit: Visit): Promise<void> {
  const { size, colorScheme, reducedMotion } = visit
  const context = await browser.newContext({
    viewport: sizes[size],
    colorScheme,
    reducedMotion,
    deviceScaleFactor: 2,
  })
  const page = await context.newPage()
  const complaints = watch(page)
  await page.goto(simulator.phonePageUrl)
  await page.locator('#example optgroup').first().waitFor({ state: 'attached' })
  const frame = await page.evaluate("getComputedStyle(document.querySelector('.device')).borderTopWidth")
  assert.equal(frame, size === 'phone' ? '0px' : '1px', 'the device frame is for wide screens')
  if (visit === visits[0]) await shoot(page, 'desktop-light-empty')

  await operate(page, visit)
  if (visit.sms) {
    const notification = page.locator('#notification')
    await notification.waitFor({ timeout: resultTimeoutMs })
    assert.match(await notification.innerText(), /Your Demo code is: \d{6}/)
  }

  const [title, ...texts] = visit.result
  const card = page.getByRole('region', { name: title, exact: true })
  await card.waitFor({ timeout: resultTimeoutMs })
  const said = await card.innerText()
  for (const text of texts)
    assert.ok(said.includes(text), `${JSON.stringify(text)} is not in ${JSON.stringify(said)}`)
  const progress = await page.getByRole('status').innerText()
  assert.ok(progress.startsWith(`${title}.`), `the live region says ${JSON.stringify(progress)}`)
  await page.getByRole('button', { name: 'Verify', exact: true }).waitFor()
  await readFirstRequest(page)
  const overflow = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'))
  assert.ok(overflow <= 0, `the page is ${overflow} px wider than the screen`)
  await shoot(page, visit.name)
  assert.deepEqual(complaints, [])
  await context.close()
}

/** Tab by Tab through the form, never with the mouse. */
async function operate(page: Page, { wifi, number, attacker, sms }: Visit): Promise<void> {
  await tabTo(page, 'network')
  if (wifi) await page.keyboard.press('ArrowRight')
  await tabTo(page, 'product')
  await tabTo(page, 'example')
  await tabTo(page, 'number')
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.type(number)
  assert.equal(await page.getByLabel('What should happen').inputValue(), number, 'the list follows the field')
  await tabTo(page, 'attacker')
  if (attacker) await page.keyboard.press('Space')
  await tabTo(page, 'sms')
  if (sms) await page.keyboard.press('Space')
  await tabTo(page, 'verify')
  await page.keyboard.press('Enter')
}

async function tabTo(page: Page, name: string): Promise<void> {
  await page.keyboard.press('Tab')
  const focus = await page.evaluate(`(() => {
    const element = document.activeElement
    const shown = element.type === 'radio' ? element.nextElementSibling : element
    return { name: element.id || element.name, outline: getComputedStyle(shown).outlineStyle }
  })()`)
  assert.deepEqual(focus, { name, outline: 'solid' }, 'the focus moves in order and is visible')
}

/** The next Tab stop after the form is the first request; Enter opens and closes it. */
async function readFirstRequest(page: Page): Promise<void> {
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  const payloads = page.locator('details[open] .payloads')
  assert.match(await payloads.innerText(), /"access_token": "eyJhbG…"/)
  await page.keyboard.press('Enter')
  assert.equal(await payloads.count(), 0)
}

async function visitDocuments(browser: Browser, { managementUrl }: LocalWorld): Promise<void> {
  for (const [size, colorScheme] of [
    ['desktop', 'light'],
    ['desktop', 'dark'],
    ['phone', 'light'],
    ['phone', 'dark'],
  ] as const) {
    const context = await browser.newContext({ viewport: sizes[size], colorScheme })
    const page = await context.newPage()
    const complaints = watch(page)
    await page.goto(`${managementUrl}/docs/`)
    const operations = page.locator('.opblock')
    await operations.first().waitFor({ timeout: resultTimeoutMs })
    const paths = await page.locator('.opblock-summary-path').allInnerTexts()
    const plain = paths.map((path) => path.replaceAll('\u200b', ''))
    for (const path of documentedPaths) assert.ok(plain.includes(path), `${path} is not among ${plain}`)
    assert.equal(await page.locator('.topbar').isVisible(), false, "another project's logo is shown")
    await shoot(page, `documents-${size}-${colorScheme}`)
    assert.deepEqual(complaints, [])
    await context.close()
  }
}

/** Collects every request to another machine, every failed one, and every error in the page. */
function watch(page: Page): string[] {
  const complaints: string[] = []
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url())
    if (protocol !== 'data:' && hostname !== '127.0.0.1') complaints.push(`foreign: ${request.url()}`)
  })
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText
    // Chromium now and then reports a stream as aborted that the page read to its end; the card shows whether it did.
    if (reason === 'net::ERR_ABORTED' && request.url().endsWith('/phone/verify')) return
    complaints.push(`failed: ${request.url()} ${reason}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`)
  })
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`)
  })
  return complaints
}

async function shoot(page: Page, name: string): Promise<void> {
  if (!folder) return
  await page.evaluate("document.activeElement.blur(); scrollTo({ top: 0, behavior: 'instant' })")
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, animations: 'disabled' })
}
