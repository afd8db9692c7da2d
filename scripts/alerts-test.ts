/**
 * `npm run alerts:test`: promtool (Debian's prometheus) checks the alert rules, runs their tests, and reads every query of the
 * dashboard.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { observability, queriesOf, readDashboard } from './dashboard.ts'

const promtool = (...args: string[]) => execFileSync('promtool', args, { stdio: 'inherit' })

promtool('check', 'rules', '--lint-fatal', join(observability, 'alerts.yaml'))
promtool('test', 'rules', join(observability, 'alerts.test.yaml'))

const folder = mkdtempSync(join(tmpdir(), 'dashboard-'))
try {
  const rules = queriesOf(readDashboard()).map((expr, n) => ({ record: `query_${n}`, expr }))
  // JSON is YAML.
  writeFileSync(join(folder, 'dashboard.yaml'), JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
  promtool('check', 'rules', join(folder, 'dashboard.yaml'))
} finally {
  rmSync(folder, { recursive: true })
}
