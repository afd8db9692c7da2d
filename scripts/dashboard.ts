/** What docs/observability/dashboard.json asks Prometheus, for those who check it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Panel {
  id: number
  type: string
  title: string
  gridPos: { x: number; y: number; w: number; h: number }
  datasource?: { uid: string }
  targets?: { expr: string; datasource: { uid: string } }[]
}

export interface Dashboard {
  schemaVersion: number
  panels: Panel[]
  templating: { list: { name: string; type: string; query: unknown }[] }
}

export const observability = join(import.meta.dirname, '../docs/observability')

export const readDashboard = () =>
  JSON.parse(readFileSync(join(observability, 'dashboard.json'), 'utf8')) as Dashboard

/** Of all panels, in PromQL as it is once Grafana has put its variables in. */
export function queriesOf({ panels }: Dashboard): string[] {
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  return queries.map((query) => query.replaceAll('$__rate_interval', '1m').replaceAll('$job', '.*'))
}
