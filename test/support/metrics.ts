/** The Prometheus text format, read. */
import { fail } from './must.ts'

/** @returns each sample, such as `name{label="value"}`, with its value */
export async function samplesOf(text: () => Promise<string>): Promise<Map<string, number>> {
  const lines = (await text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const [, sample = fail(line), value] = /^(.*) (\S+)$/.exec(line) ?? []
      return [sample, Number(value)]
    }),
  )
}

/** Those of the service itself, which are exact. */
export async function countsOf(managementUrl: string): Promise<Map<string, number>> {
  const samples = await samplesOf(async () => (await fetch(`${managementUrl}/metrics`)).text())
  return new Map([...samples].filter(([sample]) => sample.startsWith('nebff_')))
}
