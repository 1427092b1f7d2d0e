"""The application: screens by digits, help, themes, clipboard, and what happens when something goes wrong.

It knows which screens there are and what is open; what a screen shows is the screen's business.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, cast

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.screen import Screen

from curation.errors import StudioError
from studio.tui import clipboard, crash, themes
from studio.tui.bindings import Localised
from studio.tui.forgiving import Forgiving
from studio.tui.i18n import N_, _, language_for, use_language
from studio.tui.live import live_runs, look_for_runs
from studio.tui.messages import LiveRunsFound, ProblemMet
from studio.tui.screens import PLACES, Place
from studio.tui.screens.base import StudioScreen
from studio.tui.settings import Settings, settings_path, unknown_keys
from studio.tui.text import plain
from studio.tui.widgets.top_bar import TopBar


class StudioApp(Forgiving, Localised, App[None]):
    """The studio in the terminal. `opened` is the path that is open, "" for none; `against` the dataset that a review
    compares it with. It begins on the screen `place`.
    """

    CSS_PATH = "app.tcss"
    TITLE = "studio"
    DEFAULT_MODE = PLACES[0].name
    HELP = N_(
        "Digits switch screens, ctrl+p lists every command, tab moves between panes. Keys can be changed in the settings."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                place.key, f"app.go('{place.name}')", place.title, show=False, tooltip=place.title, id=f"app.{place.name}"
            )
            for place in PLACES
        ),
        Binding(
            "f1,question_mark", "app.help", N_("Help"), tooltip=N_("Help for what has the focus, with its keys."),
            id="app.help", key_display="?",
        ),
        Binding(
            "ctrl+p", "app.command_palette", N_("Commands"), show=False, priority=True,
            tooltip=N_("Every command, by name."), id="app.palette",
        ),
        Binding(
            "ctrl+q", "app.leave", N_("Quit"), priority=True, tooltip=N_("Quit; runs go on."), id="app.quit",
        ),
    ]  # fmt: skip

    def __init__(
        self,
        path: str = "",
        *,
        against: str = "",
        place: str = "",
        settings: Settings | None = None,
        runs_dir: Path | None = None,
        polling: bool = True,
    ) -> None:
        self.settings = settings or Settings()
        use_language(language_for(self.settings.language))
        if place:
            self.DEFAULT_MODE = place  # type: ignore[misc]  # of this one application
        super().__init__()
        self.opened, self.against = path, against
        self.runs_dir = runs_dir or Path(os.environ.get("STUDIO_RUNS_DIR") or "runs")
        self.last_words = ""
        self.live: tuple[str, ...] = ()
        self._polling = polling
        for each in PLACES:
            self.add_mode(each.name, _factory(each))
        self.register_theme(themes.MONOCHROME)
        self.animation_level = cast(Any, self.settings.animation_for(os.environ))
        self.set_keymap(dict(self.settings.keys))

    def on_mount(self) -> None:
        """Themes, and what can wait until the first frame is drawn."""
        wanted = themes.theme_name(self.settings.theme)
        if wanted in self.available_themes:
            self.theme = wanted
        else:
            self.say(_("There is no theme '{name}'.").format(name=self.settings.theme), "warning")
        for problem in self.settings.problems:
            self.say(problem, "warning")
        self.set_timer(0.5, self._check_keys)
        if self._polling:
            self.run_worker(
                lambda: look_for_runs(self.runs_dir, self), thread=True, group="live", exit_on_error=False, name="live"
            )

    def _check_keys(self) -> None:
        if not self.settings.keys:
            return
        from studio.tui.bindings import every_binding

        known = {binding.id for binding in every_binding() if binding.id}
        for problem in unknown_keys(self.settings, settings_path(), known):
            self.say(problem, "warning")

    # What the user may do anywhere

    def action_go(self, name: str) -> None:
        """Another screen, unless a question is open on this one."""
        if name != self.current_mode and len(self.screen_stack) == 1:
            self.switch_mode(name)

    def action_help(self) -> None:
        """Help for what has the focus."""
        from studio.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def action_command_palette(self) -> None:
        """The list of commands."""
        from studio.tui.screens.palette import Palette

        if not Palette.is_open(cast(App[object], self)):
            self.push_screen(Palette(placeholder=_("Search for commands…"), id="--command-palette"))

    def action_leave(self) -> None:
        """Quit, after saying which runs go on."""
        from studio.tui.screens.leave import LeaveScreen, farewell

        if isinstance(self.screen, LeaveScreen):
            self.screen.dismiss(True)
            return
        names = live_runs(self.runs_dir)
        if not names:
            self.exit()
            return
        self.last_words = farewell(names)
        self.push_screen(LeaveScreen(names), lambda wanted: self.exit() if wanted else None)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every key that does something now, and the themes."""
        seen: set[tuple[str, str]] = set()
        for active in screen.active_bindings.values():
            binding = active.binding
            about = (binding.action, binding.description)
            if binding.id and binding.description and about not in seen and not binding.system:
                seen.add(about)
                run = self._runner(binding.action, active.node)
                yield SystemCommand(binding.description, active.tooltip or binding.description, run)
        for name, theme in themes.NAMES.items():
            yield SystemCommand(
                _("Theme: {name}").format(name=name), _("Change the colours."), self._theme_setter(theme)
            )

    def _runner(self, action: str, node: Any) -> Callable[[], None]:
        def run() -> None:
            self.call_later(self.run_action, action, node)

        return run

    def _theme_setter(self, theme: str) -> Callable[[], None]:
        def change() -> None:
            self.theme = theme

        return change

    # What is told from anywhere

    def say(self, message: str, severity: str = "information") -> None:
        """A note in the corner. Harmless whatever is in it, and never parsed."""
        self.notify(plain(message, limit=600), severity=cast(Any, severity), markup=False)

    def copy(self, text: str) -> None:
        """Text into the terminal's clipboard, which may be on another machine than this program."""
        part, whole = clipboard.fitting(text)
        self.copy_to_clipboard(part)
        if whole:
            self.say(_("Sent to the clipboard of the terminal."))
        else:
            self.say(_("Too long for a terminal's clipboard: the beginning was sent."), "warning")

    def copy_to_clipboard(self, text: str) -> None:
        """By OSC 52, also through tmux."""
        self._clipboard = text
        if self._driver is not None:
            self._driver.write(clipboard.osc52(text, os.environ))

    def on_live_runs_found(self, message: LiveRunsFound) -> None:
        """The number of runs going on is in the line at the top."""
        self.live = message.names
        for stack in self._screen_stacks.values():
            for bar in stack[0].query(TopBar) if stack else ():
                bar.live = len(message.names)

    def on_problem_met(self, message: ProblemMet) -> None:
        """A problem that a screen did not show itself."""
        self.say(f"{message.message} {message.hint}".strip(), "error")

    async def on_key(self, event: Key) -> None:
        """A key that was typed before the focus moved belongs to where the focus is now.

        Textual sends keys to the widget that had the focus when they came, and looks for bindings where it is later:
        what is typed right after the key of a prompt would be lost, or taken for other keys.
        """
        screen = self.screen
        if isinstance(screen, StudioScreen) and event.time < screen.focus_moved and screen.focused is not None:
            event.prevent_default()  # or Textual's own handler would run after this one
            screen.focused._forward_event(Key(event.key, event.character))

    def _handle_exception(self, error: Exception) -> None:
        """An error a user can act on is said; anything else ends the interface with one line and a log."""
        if isinstance(error, StudioError):
            self.post_message(ProblemMet(error.message, error.hint))
            return
        log = crash.write_log(error)
        self.last_words = crash.sentence(error, log)
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()


def _factory(place: Place) -> Callable[[], Screen[Any]]:
    def make() -> Screen[Any]:
        return cast(Screen[Any], getattr(import_module(place.module), place.screen)())

    return make
