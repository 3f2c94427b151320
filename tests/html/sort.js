// SPDX-License-Identifier: GPL-2.0-or-later
// What a person does with a drill's page: sorts it by time, looks for a word, for failures, for everything again.
(() => {
	const runs = () => [...document.querySelectorAll("#runs > li")], seen = () => runs().filter(r => !r.hidden).length;
	const put = (into, value) => { into.value = value; into.dispatchEvent(new Event("input")); };
	const words = document.querySelector(".tools input"), verdict = document.querySelector(".tools select");
	const result = {};
	[...document.querySelectorAll(".tools button")].find(b => b.textContent === "By time").click();
	result.sorted = runs().map(r => Number(r.dataset.total));
	put(words, "INTERRUPT server");
	result.found = seen();
	put(words, "no-such-word");
	result.none = seen();
	put(words, "");
	put(verdict, "failed");
	result.failed = seen();
	result.all_failed = document.querySelectorAll("#runs > li.failed").length;
	put(verdict, "all");
	result.back = seen();
	return result;
})()
