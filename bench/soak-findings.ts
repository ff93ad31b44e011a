import { loadavg } from 'node:os'

/** What a soak found, printed as it comes: a line each, and at the end whether a bound was broken. */
export interface Findings {
  part(name: string): void
  figure(name: string, value: string): void
  /** A figure that must hold. */
  bound(name: string, value: number, relation: '<' | '=' | '≤', most: number, remark?: string): void
  /** Bounds that were broken, by name. */
  readonly broken: readonly string[]
}

export function createFindings(print: (line: string) => void): Findings {
  const broken: string[] = []
  let part = ''
  const holds = {
    '<': (a: number, b: number) => a < b,
    '=': (a: number, b: number) => a === b,
    '≤': (a: number, b: number) => a <= b,
  }
  return {
    broken,
    part(name) {
      part = name
      print(`\n${name} (load of the machine ${loadavg()[0]?.toFixed(1)})`)
    },
    figure: (name, value) => print(`  ${name.padEnd(32)} ${value}`),
    bound(name, value, relation, most, remark = '') {
      const ok = holds[relation](value, most)
      if (!ok) broken.push(`${part.split(':')[0]}: ${name}`)
      const said = `${short(value)} (${relation} ${short(most)})`
      print(`  ${name.padEnd(32)} ${said.padEnd(22)} ${ok ? 'holds ' : 'BROKEN'}  ${remark}`.trimEnd())
    },
  }
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1)
}
