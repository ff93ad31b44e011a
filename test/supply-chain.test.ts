import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { installedForProduction, licencesPage, PAGE } from '../scripts/licences.ts'
import { type Locked, productionPackages, readLockfile } from '../scripts/production.ts'
import { billOfMaterials } from '../scripts/sbom.ts'

/** Another licence is a decision that somebody has to make: see docs/supply-chain.md. */
const ALLOWED = ['MIT', 'ISC', '0BSD', 'BSD-3-Clause', 'Apache-2.0']

const text = (file: string) => readFileSync(file, 'utf8')
const lockfile = readLockfile()
const locked = Object.entries(lockfile.packages).filter(([path]) => path !== '')
const nameOf = (path: string) => path.replace(/^.*node_modules\//, '')

describe('installing', () => {
  const instructions = [
    ...globSync(['*.md', '{docs,decisions}/**/*.md', 'deploy/*', 'Dockerfile', 'docker-compose.yml', '.env.example']),
    ...['.ci/run', 'package.json'],
  ]
  const lines = instructions.flatMap((file) =>
    text(file)
      .split('\n')
      .map((line) => `${file}: ${line.trim()}`),
  )

  it('takes what the lockfile says wherever it is written down', () => {
    const others = /\bnpm (install|i|add|update|exec|link|init)\b|\b(npx|bunx|pnpm|pnpx) |\byarn (add|install)\b/
    assert.deepEqual(
      lines.filter((line) => others.test(line)),
      [],
    )
    assert.ok(lines.filter((line) => /\bnpm ci\b/.test(line)).length >= 5)
  })

  it('leaves out for production what it does without, and runs nobody’s scripts', () => {
    const production = lines.filter((line) => /\bnpm ci --omit/.test(line) && !line.startsWith(`${PAGE}:`))
    assert.ok(production.length >= 3)
    const whole = /npm ci --omit=dev --omit=optional --ignore-scripts/
    assert.deepEqual(
      production.filter((line) => !whole.test(line)),
      [],
    )
    assert.deepEqual(
      productionPackages(lockfile).filter(([, { hasInstallScript }]) => hasInstallScript),
      [],
    )
  })

  it('knows every package by a checksum, and no host', () => {
    const unsure = ([, { integrity = '', resolved }]: [string, Locked]) =>
      !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity) || resolved !== undefined
    assert.ok(locked.length > 100)
    assert.deepEqual(locked.filter(unsure), [])
    const notFunding = text('package-lock.json').replace(/"(url|funding)": "[^"]*"/g, '')
    assert.doesNotMatch(notFunding, /https?:\/\/|\bgit\+|\bfile:/)
    assert.match(text('.npmrc'), /^omit-lockfile-registry-resolved=true$/m)
  })

  it('runs the scripts that package.json allows and docs/supply-chain.md explains, and has decided on each', () => {
    const { allowScripts }: { allowScripts: Record<string, boolean> } = JSON.parse(text('package.json'))
    const withScripts = locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path))
    assert.deepEqual(Object.keys(allowScripts).sort(), [...new Set(withScripts)].sort())
    const rows = text('docs/supply-chain.md').matchAll(/^\| `([^`]+)` \| (yes|no) \| .{20,} \|$/gm)
    const explained = Object.fromEntries([...rows].map(([, name = '', may]) => [name, may === 'yes']))
    assert.deepEqual(explained, allowScripts)
  })
})

describe('licences', () => {
  it('are among the allowed ones, each', () => {
    assert.deepEqual(
      installedForProduction().filter(({ licence }) => !ALLOWED.includes(licence)),
      [],
    )
    const named = /Allowed are (.+) and (.+); another/.exec(text('docs/supply-chain.md').replace(/\n/g, ' '))
    assert.deepEqual([...(named?.[1]?.split(', ') ?? []), named?.[2]], ALLOWED)
  })

  it('are listed, and the list is up to date (npm run licences)', () => {
    assert.equal(text(PAGE), licencesPage(installedForProduction()))
    const rows = text('docs/supply-chain.md').match(/\[(\d+), with their licences\]/)?.[1]
    assert.equal(Number(rows), installedForProduction().length)
  })
})

describe('the bill of materials', () => {
  const bom: Bom = JSON.parse(billOfMaterials())

  it('is CycloneDX of this version of Portcullis', () => {
    assert.equal(bom.bomFormat, 'CycloneDX')
    assert.match(bom.specVersion, /^1\.[4-9]$/)
    assert.match(bom.serialNumber, /^urn:uuid:[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/)
    const { name, version } = JSON.parse(text('package.json'))
    const { component } = bom.metadata
    assert.deepEqual({ name: component.name, version: component.version }, { name, version })
    const refs = [component, ...bom.components].map((each) => each['bom-ref'])
    assert.equal(new Set(refs).size, refs.length)
    const named = bom.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn])
    assert.deepEqual(
      named.filter((ref) => !refs.includes(ref)),
      [],
    )
  })

  it('names each package of production with its version, licence and checksum, and no other', () => {
    const found = bom.components.map(({ name, version, purl, licenses, hashes }) => {
      assert.equal(purl, `pkg:npm/${name.replace('@', '%40')}@${version}`)
      return [name, version, licenses[0]?.license.id, hashes[0]?.alg, hashes[0]?.content].join(' ')
    })
    const checksums = new Map(
      productionPackages(lockfile).map(([path, { version, integrity = '' }]) => [
        `${nameOf(path)} ${version}`,
        Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex'),
      ]),
    )
    const wanted = installedForProduction().map(({ name, version, licence }) =>
      [name, version, licence, 'SHA-512', checksums.get(`${name} ${version}`)].join(' '),
    )
    assert.deepEqual(found.sort(), wanted.sort())
  })
})

interface Component {
  readonly 'bom-ref': string
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly licenses: readonly { readonly license: { readonly id: string } }[]
  readonly hashes: readonly { readonly alg: string; readonly content: string }[]
}

interface Bom {
  readonly bomFormat: string
  readonly specVersion: string
  readonly serialNumber: string
  readonly metadata: { readonly component: Component }
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}
