"""Every feature that issue 6 names, the test that shows it, and where that test's expected value comes from.

A row: feature, tests by file and name (below tests/e2e/, parameters apart), oracle. A row without a test says that it
is missing. Whether a test runs in CI or with `make soak` is read from its marks.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """What the issue names; `tests` are empty where nothing shows it yet; `oracle`: what the test compares with."""

    group: str
    name: str
    tests: tuple[str, ...]
    oracle: str


COUNTER = "frame number burned into the pixels, read from the canvas"
REFERENCE = "canvas pixels against fastcine.render's reference picture of the stored samples"

PLAYBACK = (
    ("starts by itself", "test_playback::test_first_loop_is_in_order_and_all_ends_exact", COUNTER),
    ("loop", "test_playback::test_first_loop_is_in_order_and_all_ends_exact", COUNTER),
    (
        "sweep (Preferred Playback Sequencing)",
        "test_sequencing::test_a_file_that_wants_to_be_played_to_and_fro_is",
        f"{COUNTER}, step by step",
    ),
    ("once", "test_sequencing::test_once_ends_on_the_last_frame_and_next_after_one_loop_goes_on", "number of frames"),
    ("in and out points", "test_sequencing::test_in_and_out_points_and_backwards", COUNTER),
    (
        "Start and Stop Trim",
        "test_sequencing::test_frames_that_the_file_trims_away_are_not_played_until_asked_for",
        f"{COUNTER}, against the file's Start Trim and Stop Trim",
    ),
    ("a quarter to four times", "test_viewing::test_speed_and_rates", f"{COUNTER}, over time, against the file's rate"),
    ("DICOM rate", "test_viewing::test_recommended_rate_is_one_click_away", f"{COUNTER}, over time, against the file"),
    ("reverse", "test_sequencing::test_in_and_out_points_and_backwards", f"{COUNTER}, step by step"),
    ("1 and 10 frames on and back", "test_viewing::test_pause_and_steps_by_key_and_button", COUNTER),
    (
        "film strip in acquisition order, stills between",
        "test_viewer_page::test_strip_stands_in_acquisition_order_and_says_what_the_files_say",
        "values of the files",
    ),
    (
        "hover goes through the frames",
        "test_cells::test_the_pointer_on_a_tile_goes_through_its_frames",
        "the tile's pixels correlated with every stored frame",
    ),
    (
        "auto-advance after n loops",
        "test_reading::test_every_loop_is_seen_once_with_few_clicks_and_keys",
        "runs and frames drawn, and canvas pixels against the file's last loop",
    ),
    ("state carried to the next run", "test_viewing::test_next_and_previous_run_play_on", f"{COUNTER}; {REFERENCE}"),
    (
        "never leaking into another study",
        "test_sequencing::test_the_readers_rate_is_kept_by_series_and_leaks_into_no_other_study",
        "the player's speed in the other study",
    ),
    (
        "rate kept per series, with a reset",
        "test_sequencing::test_the_readers_rate_is_kept_by_series_and_leaks_into_no_other_study",
        "the player's speed in each series",
    ),
    ("DICOM and measured fps side by side", "test_viewing::test_speed_and_rates", "texts, against the burned counter"),
)

MANY = (
    (
        "layouts 1 2 4 6 9",
        "test_cells::test_every_layout_has_its_cells_and_one_of_them_alone_and_back",
        "places of the cells on the screen",
    ),
    ("each cell its own run", "test_cells::test_a_layout_fills_in_order_and_only_the_active_cell_obeys", COUNTER),
    (
        "the same run in two cells",
        "test_cells::test_the_same_run_stands_in_two_cells_subtracted_beside_as_acquired",
        f"{COUNTER}; {REFERENCE}",
    ),
    ("frame-rate sync", "test_cells::test_two_planes_are_offered_and_never_differ_by_a_frame", COUNTER),
    (
        "R-wave sync",
        "test_cells::test_beats_start_together_or_are_stretched_and_what_has_none_says_so",
        f"{COUNTER}, against the R waves",
    ),
    (
        "time-normalised beats",
        "test_cells::test_beats_start_together_or_are_stretched_and_what_has_none_says_so",
        f"{COUNTER}, against the R waves",
    ),
    (
        "biplane pairs found",
        "test_planes::test_pairs_are_found_in_the_files_and_play_as_one viewmodel/test_biplane::*",
        "Image Type and Referenced Image of the files",
    ),
    (
        "biplane in lock-step",
        "test_planes::test_pairs_are_found_in_the_files_and_play_as_one"
        " test_cells::test_two_planes_are_offered_and_never_differ_by_a_frame",
        COUNTER,
    ),
    ("stress stage by view grid", "test_cells::test_a_stress_echo_lies_as_stages_by_views", "stages and views given"),
    (
        "the same projection of a prior study",
        "test_cells::test_the_same_projection_of_an_earlier_study_stands_beside",
        "angles of the files, 18 degrees apart",
    ),
    ("drag from the strip to a cell", "test_cells::test_a_tile_is_dragged_into_a_cell", REFERENCE),
    (
        "double-click maximises",
        "test_cells::test_every_layout_has_its_cells_and_one_of_them_alone_and_back",
        "place of the cell on the screen, and frames of the others",
    ),
    (
        "bandwidth shared by what is looked at",
        "test_cells::test_the_link_is_for_what_is_looked_at",
        "wishes on the wire",
    ),
)

PICTURE = (
    ("window/level by drag", "test_viewing::test_window_and_inversion", REFERENCE),
    ("presets", "test_viewing::test_window_and_inversion", REFERENCE),
    (
        "VOI LUT of the file",
        "test_tables::test_windows_and_tables_of_the_file_are_shown_when_chosen"
        " test_tables::test_a_file_of_a_table_and_no_window_opens_with_its_table",
        "canvas pixels against pydicom's apply_voi",
    ),
    (
        "several windows of the file",
        "test_tables::test_windows_and_tables_of_the_file_are_shown_when_chosen"
        " test_viewing::test_window_and_inversion",
        f"canvas pixels against pydicom's apply_windowing; {REFERENCE}",
    ),
    ("invert", "test_viewing::test_window_and_inversion", REFERENCE),
    ("zoom at the pointer", "test_viewing::test_zoom_pan_fit_and_one_to_one", "image point under the pointer"),
    (
        "pan",
        "test_viewing::test_zoom_pan_fit_and_one_to_one",
        "canvas pixels before and after, moved by the hand's way",
    ),
    ("rotate", "test_lying::test_turns_and_flips_by_key", "canvas pixels against numpy's turn of the reference"),
    ("flip", "test_lying::test_turns_and_flips_by_key", "canvas pixels against numpy's mirror of the reference"),
    ("1:1", "test_viewing::test_zoom_pan_fit_and_one_to_one", "device pixels for an image column"),
    ("fit", "test_viewing::test_zoom_pan_fit_and_one_to_one", "the view's zoom and place"),
    (
        "sharpen and smooth, labelled",
        "test_covering::test_shutters_overlays_and_filters",
        "canvas pixels against numpy",
    ),
    ("YBR", "test_colours::test_pixels_are_those_of_the_file_by_canvas_and_by_webgl", "libjpeg's RGB of the bitstream"),
    ("palette", "test_colours::test_pixels_are_those_of_the_file_by_canvas_and_by_webgl", "pydicom's colours"),
    ("MONOCHROME1", "test_colours::test_pixels_are_those_of_the_file_by_canvas_and_by_webgl", REFERENCE),
    ("shutters", "test_covering::test_shutters_overlays_and_filters", "canvas pixels against numpy"),
    ("overlays 60xx on and off", "test_covering::test_shutters_overlays_and_filters", "canvas pixels against numpy"),
    (
        "presentation states shown",
        "test_presentation::test_a_state_is_applied_and_taken_away",
        "picture computed by numpy from the stored samples; canvas pixels where the file puts its graphics",
    ),
)

SUBTRACTION = (
    (
        "mask operation NONE",
        "test_subtraction::test_what_the_file_says_is_not_to_be_subtracted_is_not",
        f"{REFERENCE}, unsubtracted",
    ),
    ("AVG_SUB", "test_subtraction::test_the_files_subtraction_is_that_of_the_reference", REFERENCE),
    ("TID", "test_subtraction::test_the_files_subtraction_is_that_of_the_reference", REFERENCE),
    ("REV_TID", "test_subtraction::test_the_files_subtraction_is_that_of_the_reference", REFERENCE),
    ("contrast averaging", "test_subtraction::test_the_files_subtraction_is_that_of_the_reference", REFERENCE),
    ("sub-pixel shift of the file", "test_subtraction::test_the_files_subtraction_is_that_of_the_reference", REFERENCE),
    ("mask = first frame", "test_subtraction::test_a_mask_by_hand_is_moved_faded_windowed_and_inverted", REFERENCE),
    ("mask = current frame", "test_subtraction::test_this_frame_and_the_mean_of_the_loop_are_masks", REFERENCE),
    ("mask = mean of chosen frames", "test_subtraction::test_this_frame_and_the_mean_of_the_loop_are_masks", REFERENCE),
    (
        "shift by Alt+arrows, 0.1 px with Shift",
        "test_subtraction::test_a_mask_by_hand_is_moved_faded_windowed_and_inverted",
        REFERENCE,
    ),
    ("auto-register", "test_subtraction::test_the_mask_is_fitted_to_a_patient_who_moved", "the shift that was made"),
    (
        "opacity for landmarks",
        "test_subtraction::test_a_mask_by_hand_is_moved_faded_windowed_and_inverted",
        REFERENCE,
    ),
    ("invert subtracted", "test_subtraction::test_a_mask_by_hand_is_moved_faded_windowed_and_inverted", REFERENCE),
    ("log space for LIN", "test_subtraction::test_a_mask_by_hand_is_moved_faded_windowed_and_inverted", REFERENCE),
    (
        "at full rate",
        "test_promptness::test_subtracted_runs_play_at_their_rate",
        "frames missed, by the player's counts",
    ),
    (
        "Recommended Viewing Mode",
        "test_subtraction::test_a_run_that_recommends_it_starts_subtracted",
        "canvas pixels against fastcine.render's subtraction",
    ),
)

HANDS = (
    ("mouse", "test_viewing::test_zoom_pan_fit_and_one_to_one", "canvas pixels before and after"),
    ("wheel", "test_viewing::test_zoom_pan_fit_and_one_to_one", "image point under the pointer"),
    ("keyboard", "test_viewing::test_pause_and_steps_by_key_and_button", COUNTER),
    ("key map printed and changeable", "test_touch::test_a_key_is_changed_kept_and_printed", COUNTER),
    ("one finger scrubs", "test_touch::test_one_finger_scrubs_and_a_tap_plays_or_pauses", COUNTER),
    (
        "two fingers zoom and pan",
        "test_touch::test_two_fingers_zoom_and_move_about_the_point_between_them",
        "image point between the fingers",
    ),
    ("two fingers vertically: windows", "test_touch::test_two_fingers_up_or_down_change_the_window", REFERENCE),
    ("tap plays", "test_touch::test_one_finger_scrubs_and_a_tap_plays_or_pauses", "the frame stands, then goes on"),
    ("edge swipe changes run", "test_touch::test_a_swipe_from_an_edge_changes_the_run", f"stored pixels; {COUNTER}"),
    ("long press magnifies", "test_covering::test_a_resting_finger_magnifies", "the glass's pixel and the picture's"),
    ("44 px targets", "test_touch::test_everything_fits_and_can_be_hit_in_every_layout", "each control's rectangle"),
    ("768x1024", "test_touch::test_everything_fits_and_can_be_hit_in_every_layout", "rectangles of controls and texts"),
    (
        "1920x1080",
        "test_touch::test_everything_fits_and_can_be_hit_in_every_layout",
        "rectangles of controls and texts",
    ),
    ("axe-core without violations", "test_accessible::test_axe_finds_nothing_anywhere", "axe-core"),
    ("dark by default", "test_accessible::test_axe_finds_nothing_anywhere", "luminance of a screenshot"),
    ("no layout shift", "test_accessible::test_axe_finds_nothing_anywhere", "the browser's layout-shift entries"),
)

HONESTY = (
    ("FIRST PASS per cell", "test_streaming::test_first_pass_then_exact", "pixels against the stored samples"),
    (
        "EXACT per cell",
        "test_cells::test_a_layout_fills_in_order_and_only_the_active_cell_obeys",
        "badges of four cells",
    ),
    ("AS ACQUIRED per cell", "test_viewing::test_next_and_previous_run_play_on", "the file's transfer syntax"),
    ("the file's lossy ratio", "test_viewing::test_next_and_previous_run_play_on", "ratio and method of the file"),
    (
        "calibration state",
        "test_sequencing::test_the_calibration_stands_on_the_picture",
        "the file's spacing and distances",
    ),
    ("orientation", "test_lying::test_the_pointer_holds_its_point_and_drags_the_turned_picture", "turns made by keys"),
    (
        "two identifiers in every layout",
        "test_touch::test_everything_fits_and_can_be_hit_in_every_layout",
        "the file's",
    ),
    ("not a medical device", "test_touch::test_everything_fits_and_can_be_hit_in_every_layout", "the words, visible"),
)

RESILIENCE = (
    ("WebGL context loss", "test_subtraction::test_a_lost_context_comes_back_subtracted", REFERENCE),
    (
        "worker crash",
        "test_resilience::test_decode_workers_that_die_are_replaced_and_no_frame_is_lost",
        f"all frames exact; {REFERENCE}",
    ),
    (
        "lost connection",
        "test_resilience::test_a_server_that_is_gone_is_said_what_is_here_plays_on_and_it_goes_on_by_itself",
        "frames drawn while it is gone; words on the picture; the next run's pixels against the file",
    ),
    (
        "memory budget",
        "test_memory::test_runs_one_after_another_stay_below_the_limit"
        " test_memory::test_the_readers_own_limit_is_kept_to_and_kept",
        "bytes counted by the engine and by Chromium's own backing storage; pixels against the file",
    ),
    (
        "tab asleep and back",
        "test_resilience::test_a_page_that_slept_goes_on_where_it_stood",
        f"frames drawn before and after; {REFERENCE}",
    ),
    ("a link opens the same", "test_cells::test_a_link_opens_the_same", f"{COUNTER}; the window's values"),
)

GROUPS = {
    "Playback": PLAYBACK,
    "Many at once": MANY,
    "Picture": PICTURE,
    "Subtraction": SUBTRACTION,
    "Hands": HANDS,
    "Honesty": HONESTY,
    "Resilience": RESILIENCE,
}
FEATURES = tuple(
    Feature(group, name, tuple(tests.split()), oracle) for group, rows in GROUPS.items() for name, tests, oracle in rows
)
