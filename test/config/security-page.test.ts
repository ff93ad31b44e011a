import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'

const page = readFileSync('SECURITY.md', 'utf8')
const { properties } = JSON.parse(readFileSync('schemas/environment.schema.json', 'utf8'))
const settings: [string, { format: string }][] = Object.entries(properties)

describe('SECURITY.md', () => {
  it('says of every secret setting what to give it, what its thief can do, and how to change it', () => {
    const secret = ['secret', 'secrets', 'secret-url', 'store']
    const named = settings.filter(([, { format }]) => secret.includes(format)).map(([name]) => name)
    const rows = [...page.matchAll(/^\| `([A-Z_]+)`[^|]*\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)]
    assert.deepEqual(rows.map(([, name]) => name).sort(), named.sort())
    for (const [, name, ...cells] of rows)
      assert.ok(
        cells.every((cell) => cell.trim().length > 5),
        name,
      )
  })

  it('names no setting that does not exist', () => {
    const known = new Set(settings.map(([name]) => name))
    const strange = [...page.matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:_FILE=[^`]*)?`/g)]
      .map(([, name = '']) => name)
      .filter((name) => !known.has(name) && !['HTTPS_PROXY', 'NO_PROXY'].includes(name))
    assert.deepEqual(strange, [])
  })
})
