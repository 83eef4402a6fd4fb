/** Targets of a page's Markdown and HTML links that point into the repository. */
export function localLinks(page: string): string[] {
  const prose = page.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/`[^`\n]*`/g, '')
  const targets = [
    ...[...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target),
    ...[...prose.matchAll(/(?:src|srcset|href)="([^"]+)"/g)].map(([, target = '']) => target),
  ]
  return targets.filter(target => !/^[a-z]+:/i.test(target))
}

/** GitHub's anchors of a page's headings. */
export function anchors(page: string): Set<string> {
  const headings = page.replaceAll(/```[\s\S]*?```/g, '').matchAll(/^#{1,6} +(.+)$/gm)
  const seen = new Map<string, number>()
  const names = [...headings].map(([, heading = '']) => {
    const name = heading
      .replaceAll(/[`*]|\[|\]\([^)]*\)/g, '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
      .trim()
      .replaceAll(' ', '-')
    const count = seen.get(name) ?? 0
    seen.set(name, count + 1)
    return count === 0 ? name : `${name}-${count}`
  })
  return new Set(names)
}
