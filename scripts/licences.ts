import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { productionPackages, readLockfile } from './production.ts'

/** Where `npm run licences` writes what `licencesPage` answers. */
export const PAGE = 'docs/licences.md'

/** A package of production. */
export interface Installed {
  readonly name: string
  readonly version: string
  /** An SPDX expression; '' where the package names none. */
  readonly licence: string
  /** Name of the file with its text; '' where the package brings none. */
  readonly text: string
}

/** One row for each package and version, by name. Throws where the lockfile has a package that is not installed. */
export function installedForProduction(): Installed[] {
  const rows = new Map<string, Installed>()
  for (const [path] of productionPackages(readLockfile())) {
    const file = join(path, 'package.json')
    if (!existsSync(file)) throw new Error(`${path} of package-lock.json is not installed: run npm ci first`)
    const { name, version, license } = JSON.parse(readFileSync(file, 'utf8'))
    const text = readdirSync(path).find((each) => /^(licen[cs]e|copying)/i.test(each)) ?? ''
    rows.set(`${name} ${version}`, { name, version, licence: typeof license === 'string' ? license : '', text })
  }
  return [...rows.values()].sort((a, b) => compare(a.name, b.name) || compare(a.version, b.version))
}

export function licencesPage(packages: readonly Installed[]): string {
  const counts = [...Map.groupBy(packages, ({ licence }) => licence)].sort(([, a], [, b]) => b.length - a.length)
  return `# Licences of what is installed

Written by \`npm run licences\` from the packages that production installs (\`npm ci --omit=dev --omit=optional\`); a test
holds it to them. A package brings the text of its licence along, in \`node_modules\` and in the image, in the file of the
last column; where that says none, its \`package.json\` names the licence alone.

${counts.map(([licence, { length }]) => `${licence}: ${length}`).join(' · ')}

| package | version | licence | text |
|---|---|---|---|
${packages.map(({ name, version, licence, text }) => `| ${name} | ${version} | ${licence} | ${text || 'none'} |`).join('\n')}
`
}

// Not by locale: the page must be the same on every machine.
function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

if (import.meta.main) {
  writeFileSync(PAGE, licencesPage(installedForProduction()))
  console.log(`${PAGE} is written.`)
}
