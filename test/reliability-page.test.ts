import { deepEqual, ok } from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'

const page = readFileSync(new URL('../docs/reliability.md', import.meta.url), 'utf8')
const named = new Set(page.match(/test\/[\w/-]+\.test\.ts/g))

describe('docs/reliability.md', () => {
  it('names tests that there are', () => {
    ok(named.size > 50)
    deepEqual(
      [...named].filter((file) => !existsSync(file)),
      [],
    )
  })

  it('names every suite of crashes, faults, load and hostile input', () => {
    const suites = globSync('test/{crash,faults,fuzz,load,security}/*.test.ts')
    ok(suites.length > 20)
    deepEqual(
      suites.filter((file) => !named.has(file)),
      [],
    )
  })
})
