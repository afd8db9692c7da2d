/** The dashboard and the alerts ask for metrics that exist, and every alert has its tests and its page in the runbook. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { observability, queriesOf, readDashboard } from '../../scripts/dashboard.ts'
import type { UpstreamCall } from '../../src/core/events.ts'
import { createMetrics } from '../../src/observability/metrics.ts'

const read = (file: string) => readFileSync(join(observability, file), 'utf8')
const operations = read('../operations.md')
const alerts = read('alerts.yaml').replaceAll(/^ *#.*$/gm, '')
const alertNames = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name)
const dashboard = readDashboard()

/** Of docs/operations.md: each metric with its labels. */
const metrics = new Map(
  [...operations.matchAll(/^\| `(nebff_\w+)` \| ([^|]*)\|/gm)].map(([, name = '', labels = '']) => [
    name,
    [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
  ]),
)

/** Histograms are asked for by their parts. */
const base = (name: string) => name.replace(/_seconds_(bucket|count|sum)$/, '_seconds')

const metricsIn = (text: string) => [...text.matchAll(/\bnebff_\w+/g)].map(([name]) => base(name))

/** What the service says at /metrics. */
async function served(): Promise<string[]> {
  const made = createMetrics()
  made.watch({
    quotaWaiting: () => 0,
    circuits: () => [['token', 'closed']],
    liveStates: () => 0,
    jwksAgeSeconds: () => 0,
    applicationJwtAgeSeconds: () => 0,
    keyFiles: () => [],
    receiptKeys: () => [],
  })
  return [...(await made.text()).matchAll(/^# TYPE (\w+)/gm)].map(([, name = '']) => name)
}

test('docs/operations.md lists the metrics that there are', async (t) => {
  const own = (await served()).filter((name) => name.startsWith('nebff_'))
  t.strictSame([...metrics.keys()].sort(), own.sort())
})

test('the metrics of the process that the dashboard and the alerts name are there', async (t) => {
  const named = `${queriesOf(dashboard)} ${alerts}`.match(/\b(process|nodejs)_\w+/g) ?? []
  const names = await served()
  t.ok(named.length > 3)
  for (const name of named) t.ok(names.includes(name), name)
})

/** What Prometheus adds, and the parts of a histogram. */
const labelsOfAll = ['job', 'instance', 'le']

for (const [what, text] of [
  ['the dashboard', queriesOf(dashboard).join('\n')],
  ['an alert', alerts],
  ['a test of an alert', read('alerts.test.yaml')],
] as const) {
  test(`${what} names no metric that is not in docs/operations.md`, async (t) => {
    t.ok(metricsIn(text).length > 10)
    for (const name of metricsIn(text)) t.ok(metrics.has(name), name)
  })

  test(`${what} selects by no label that the metric has not`, async (t) => {
    for (const [, name = '', selectors = ''] of text.matchAll(/(nebff_\w+)\{([^}]*)\}/g))
      for (const [, label = ''] of selectors.matchAll(/(\w+)=/g))
        t.ok([...labelsOfAll, ...(metrics.get(base(name)) ?? [])].includes(label), `${name}: ${label}`)
  })
}

test('the dashboard shows every metric', async (t) => {
  const shown = metricsIn(queriesOf(dashboard).join('\n'))
  t.strictSame(
    [...metrics.keys()].filter((name) => !shown.includes(name)),
    [],
  )
})

test('the dashboard shows every call to Vonage', async (t) => {
  const calls: Record<UpstreamCall, true> = {
    network_enablement: true,
    token: true,
    verify: true,
    verify_v2: true,
    verify_v2_next: true,
    verify_v2_check: true,
  }
  const shown = [
    ...queriesOf(dashboard)
      .join('\n')
      .matchAll(/call=~"([^"]+)"/g),
  ].flatMap(([, names = '']) => names.split('|'))
  t.strictSame([...new Set(shown)].sort(), Object.keys(calls).sort())
})

test('the dashboard is one that Grafana 10 reads: ids once, nothing overlaps, the data source is a variable', async (t) => {
  t.equal(dashboard.schemaVersion, 39)
  const ids = dashboard.panels.map(({ id }) => id)
  t.equal(new Set(ids).size, ids.length)
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
    t.ok(x + w <= 24)
    return Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`)
  })
  t.equal(new Set(cells).size, cells.length)
  t.equal(dashboard.templating.list.find(({ name }) => name === 'datasource')?.query, 'prometheus')
  for (const { type, title, datasource, targets = [] } of dashboard.panels.filter(
    ({ type }) => type !== 'row',
  )) {
    t.ok(['stat', 'timeseries'].includes(type) && targets.length > 0, title)
    for (const source of [datasource, ...targets.map((target) => target.datasource)])
      t.match(source?.uid ?? '', /^\$\{datasource\}$/, title)
  }
})

test('every alert has a heading in the runbook, and every heading its alert', async (t) => {
  const [, runbook = ''] = operations.split('\n## Runbook\n')
  const [section = ''] = runbook.split('\n## ')
  t.ok(alertNames.length > 10)
  t.strictSame(
    [...section.matchAll(/^### (\w+)$/gm)].map(([, name]) => name),
    alertNames,
  )
})

test('every alert is tested both ways: as it fires, and as it does not', async (t) => {
  const checks = read('alerts.test.yaml').split(/eval_time: /)
  for (const name of alertNames) {
    const own = checks.filter((check) => new RegExp(`alertname: ${name}\\b`).test(check))
    t.ok(
      own.some((check) => /exp_alerts: \[\]/.test(check)),
      `${name} is never quiet`,
    )
    t.ok(
      own.some((check) => /exp_alerts:(?! \[\])/.test(check)),
      `${name} never fires`,
    )
  }
})
