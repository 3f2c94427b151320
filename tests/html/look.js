// SPDX-License-Identifier: GPL-2.0-or-later
// What tests/html asks a page that is shown; evaluated by the browser, returns an object of findings.
(() => {
	const all = [...document.querySelectorAll("*")];
	const wide = document.documentElement.clientWidth;
	const name = e => e.tagName.toLowerCase() + (e.className.baseVal ?? e.className ? "." + (e.className.baseVal ?? e.className) : "");
	const shown = e => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0; };

	const parse = text => {
		const v = text.match(/[\d.]+/g).map(Number);
		return {rgb: v.slice(0, 3), a: v.length > 3 ? v[3] : 1};
	};
	const light = rgb => {
		const [r, g, b] = rgb.map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const behind = e => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.a === 1)
				return c.rgb;
		}
		return [255, 255, 255];
	};
	const contrast = e => {
		const a = light(parse(getComputedStyle(e).color).rgb), b = light(behind(e));
		return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
	};
	const hasText = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());

	return {
		scroll: document.documentElement.scrollWidth - wide,
		outside: all.filter(e => shown(e) && !e.closest("svg *") && (e.getBoundingClientRect().right > wide + 1 || e.getBoundingClientRect().left < -1)).map(name),
		cut: all.filter(e => shown(e) && !e.closest("svg") && getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1).map(name),
		parts: all.filter(e => e.id && shown(e) && e.innerText.trim()).map(e => e.id),
		tags: [...new Set(all.map(e => e.tagName.toLowerCase()))],
		handlers: all.flatMap(e => [...e.attributes].filter(a => /^on/i.test(a.name) || /^\s*javascript:/i.test(a.value)).map(a => a.name)),
		references: all.flatMap(e => [...e.attributes].filter(a => /^(src|href|xlink:href|srcset|data|action|background|poster)$/i.test(a.name) && !a.value.startsWith("#")).map(a => a.value)),
		dangling: [...document.querySelectorAll("a[href^='#']")].map(a => a.getAttribute("href").slice(1)).filter(id => !document.getElementById(id)),
		twice: all.map(e => e.id).filter((id, i, v) => id && v.indexOf(id) !== i),
		pictures: [...document.querySelectorAll("svg")].map(e => ({label: e.getAttribute("aria-label"), shown: shown(e), shapes: e.querySelectorAll("rect").length})),
		hit: window.hit || 0,
		text: document.body.textContent,
		pale: all.filter(e => hasText(e) && shown(e) && !e.closest("svg") && contrast(e) < 4.5).map(e => name(e) + " " + contrast(e).toFixed(1)),
		ground: light(behind(document.body)),
		small: all.filter(e => hasText(e) && shown(e) && parseFloat(getComputedStyle(e).fontSize) < 9).map(name),
	};
})()
