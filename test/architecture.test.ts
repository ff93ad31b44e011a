import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'

/* The rules of the house that a machine can hold. Each failure lists every place that breaks the rule. */

const MAX_LINES = 250

interface Rule {
  /** The files of src/ it speaks of. The first rule that matches a file is its rule. */
  readonly of: RegExp
  /** What these files may import from src/ … */
  readonly from: RegExp
  /** … or, as types only. */
  readonly types?: RegExp
  /** The packages and Node modules they may use; absent: any. */
  readonly packages?: RegExp
}

const CORE = String.raw`core\/`
const RULES: readonly Rule[] = [
  // Pure: arithmetic on addresses, hashes and text may come from a library, nothing that reaches the world.
  { of: /^core\//, from: new RegExp(`^${CORE}`), packages: /^(ipaddr\.js|node:(net|crypto|util|buffer))$/ },
  { of: /^pipeline\//, from: /^(core\/|pipeline\/|ports(-list)?\.ts|errors\.ts)/, packages: /^node:(crypto|events)$/ },
  { of: /^adapters\//, from: /^(core\/|adapters\/|ports(-list)?\.ts|errors\.ts)/, types: /^(config|events|log)/ },
  { of: /^receiver\//, from: /^(core\/|receiver\/|http-auth|ports(-list)?\.ts|errors\.ts)/, types: /^(config|events)/ },
  {
    of: /^ops\//,
    from: /^(core\/|ops\/|http-auth|ports(-list)?\.ts|errors\.ts)/,
    types: /^(config|events|pipeline\/|metrics)/,
  },
  { of: /^http-auth\.ts$/, from: /^$/, types: /^config\.ts$/ },
  { of: /^check(-[a-z-]+)?\.ts$/, from: /^(adapters\/|core\/|check|config|ports(-list)?\.ts|errors\.ts)/ },
  { of: /^simulator\/demo/, from: /^(core\/|simulator\/|app|config|errors\.ts|ports(-list)?\.ts|events|log|metrics)/ },
  { of: /^simulator\//, from: /^(core\/|simulator\/)/, types: /^ports(-list)?\.ts$/ },
  { of: /^errors\.ts$/, from: /^$/, packages: /^$/ },
  { of: /^ports(-list)?\.ts$/, from: new RegExp(`^${CORE}`), packages: /^$/ },
  { of: /^config(-[a-z-]+)?\.ts$/, from: /^(core\/|config)/ },
  { of: /^(events|log|metrics)(-[a-z-]+)?\.ts$/, from: /^(core\/|events|log|metrics|errors\.ts)/ },
  { of: /^app(-[a-z-]+)?\.ts$/, from: /^(?!simulator\/|cli|main)/ },
  { of: /^(cli(-[a-z-]+)?\.ts$|cli\/)/, from: /^(?!adapters\/|receiver\/|main)/ },
  { of: /^main\.ts$/, from: /^(app|config|errors\.ts|events|log|metrics)/ },
]

const sources = globSync('src/**/*.ts').sort()
const code = [...sources, ...globSync('{test,bench,scripts}/**/*.ts')].sort()
const documents = globSync(['*.md', '{docs,decisions,playbooks}/**/*.{md,yaml}', 'deploy/*']).sort()

describe('the sources', () => {
  it('import only what their place allows', () => none(sources.flatMap(forbiddenImports)))

  it('run on the packages that production installs', () => none(except('simulator/').flatMap(strangePackages)))

  it('have no import cycle', () => none(importCycles()))

  it(`stay within ${MAX_LINES} lines a file`, () =>
    none(
      code.map((file) => [file, text(file).split('\n').length - 1] as const).filter(([, lines]) => lines > MAX_LINES),
    ))

  it('are named in kebab-case, after what they hold', () =>
    none([
      ...code.filter((file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/.test(basename(file))),
      ...code.filter((file) => /^(index|utils?|helpers?|common|types)\.ts$/.test(basename(file))),
    ]))

  it('export by name only', () => none(places(code, /^export default\b/)))

  it('have no `any`', () => none(places(code, /[:<|&,]\s*any\b(?!\s*[:(.])|\bas any\b/)))

  it('read the environment in src/config.ts alone', () => none(places(except('config.ts'), /\bprocess\.env\b/)))

  it('print only where a person reads along', () =>
    none(places(except('cli.ts', 'cli-', 'cli/', 'simulator/'), /\bconsole\.[a-z]/)))

  it('keep core/ free of waiting, clocks, chance and the environment', () =>
    none(
      places(
        sources.filter((file) => file.startsWith('src/core/')),
        IMPURE,
      ),
    ))
})

describe('the rest of the repository', () => {
  it('has schemas that compile', () => {
    // Formats and annotations of our own are tested where they are used.
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    const files = globSync('schemas/*.schema.json').sort()
    const schemas = files.map((file) => ({ file, schema: JSON.parse(text(file)) }))
    const sound = (file: string, check: () => unknown) => assert.doesNotThrow(check, `${file} is no valid schema`)
    for (const { file, schema } of schemas) sound(file, () => ajv.addSchema(schema))
    for (const { file, schema } of schemas) sound(file, () => assert.ok(ajv.getSchema(schema.$id)))
  })

  it('names no folder of somebody’s own machine in its documents', () =>
    none(documents.flatMap((file) => lines(text(file), file, /(^|[\s"'`(=:])(\/(work|root|home|Users)\/|[A-Z]:\\)/))))

  it('has no dead link between its documents', () => none(documents.flatMap(deadLinks)))
})

const IMPURE = /\b(async|await)\b|\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bprocess\.|\bsetTimeout\b|\bfetch\(/

function none(broken: readonly unknown[]): void {
  assert.equal(broken.length, 0, `\n  ${broken.map((one) => (Array.isArray(one) ? one.join(': ') : one)).join('\n  ')}`)
}

function text(file: string): string {
  return readFileSync(file, 'utf8')
}

/** Files of src/ but those whose path within src/ starts with one of these. */
function except(...starts: readonly string[]): string[] {
  return sources.filter((file) => !starts.some((start) => file.startsWith(`src/${start}`)))
}

/** `file:line  text` of every line of code that matches, comments and strings left out. */
function places(files: readonly string[], pattern: RegExp): string[] {
  return files.flatMap((file) => lines(bare(text(file)), file, pattern))
}

function lines(content: string, file: string, pattern: RegExp): string[] {
  return content.split('\n').flatMap((line, at) => (pattern.test(line) ? [`${file}:${at + 1}  ${line.trim()}`] : []))
}

/** The text with strings and comments emptied, line by line as it was. */
function bare(content: string): string {
  const quoted = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g
  return content.replace(quoted, (match) => match.replace(/[^\n]/g, ' '))
}

interface Import {
  /** Path within src/, or the name of a package. */
  readonly target: string
  readonly inside: boolean
  readonly typeOnly: boolean
}

function importsOf(file: string): Import[] {
  const statement = /^(?:import|export)\s+(?:(type)\s+)?(?:[\w*{}\s,$]+?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm
  return [...text(file).matchAll(statement)].map(([, type, from, lazily]) => {
    const name = from ?? lazily ?? ''
    const inside = name.startsWith('.')
    const target = inside ? normalize(join(dirname(file), name)).replace(/^src\//, '') : name
    return { target, inside, typeOnly: type === 'type' }
  })
}

function forbiddenImports(file: string): string[] {
  const place = file.replace(/^src\//, '')
  const rule = RULES.find(({ of }) => of.test(place))
  if (!rule) return [`${file}: no rule says what it may import; add one to test/architecture.test.ts`]
  return importsOf(file).flatMap(({ target, inside, typeOnly }) => {
    if (!inside) return rule.packages && !rule.packages.test(target) ? [`${file} may not use ${target}`] : []
    if (/^schemas\/.+\.json$/.test(target) && !place.startsWith('core/')) return []
    if (!existsSync(`src/${target}`)) return [`${file} reaches out of src/ for ${target}`]
    if (rule.from.test(target) || (typeOnly && rule.types?.test(target))) return []
    return [`${file} may not import ${target}${rule.types?.test(target) ? ' but for its types' : ''}`]
  })
}

/** `npm ci --omit=dev` leaves out the packages for tests and the demo. */
function strangePackages(file: string): string[] {
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(text('package.json'))
  return importsOf(file)
    .filter(({ target, inside, typeOnly }) => !inside && !typeOnly && !target.startsWith('node:'))
    .map(({ target }) => target.split('/', target.startsWith('@') ? 2 : 1).join('/'))
    .filter((name) => !(name in dependencies))
    .map((name) => `${file} uses ${name}, which is not among the dependencies of package.json`)
}

/** Each cycle once, as `a → b → a`; imports of types count, too: a cycle is hard to read either way. */
function importCycles(): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    const from = path.indexOf(file)
    if (from >= 0) found.push([...path.slice(from), file].join(' → '))
    if (from >= 0 || done.has(file) || !existsSync(`src/${file}`)) return
    for (const { target, inside } of importsOf(`src/${file}`)) if (inside) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of sources) visit(file.replace(/^src\//, ''), [])
  return found
}

function deadLinks(file: string): string[] {
  return [...text(file).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)|src="(?!https?:)([^"]+)"/g)]
    .map(([, link, anchor, image]) => ({ link: link || image, target: targetOf(file, link || image), anchor }))
    .filter(({ target, anchor }) => !existsSync(target) || (anchor && !anchorsOf(target).includes(anchor)))
    .map(({ link, anchor }) => `${file} points to ${link ?? ''}${anchor ? `#${anchor}` : ''}`)
}

function targetOf(file: string, link: string | undefined): string {
  return link ? join(dirname(file), link) : file
}

/** What a heading is called in a link. */
function anchorsOf(document: string): string[] {
  return [...text(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
