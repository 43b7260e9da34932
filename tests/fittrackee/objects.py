"""The objects of the contract's section 4 as a new account has them, and the paths of its end points."""

from __future__ import annotations

from typing import Any

from expect import DATE, NUMBER, SHORT_ID, Expected, ok

AUTH = "/api/auth"
REGISTER = f"{AUTH}/register"
CONFIRM = f"{AUTH}/account/confirm"
RESEND = f"{AUTH}/account/resend-confirmation"
LOGIN = f"{AUTH}/login"
RESET_REQUEST = f"{AUTH}/password/reset-request"
PASSWORD_UPDATE = f"{AUTH}/password/update"
EMAIL_UPDATE = f"{AUTH}/email/update"
PROFILE = f"{AUTH}/profile"
EDIT = f"{AUTH}/profile/edit"
PREFERENCES = f"{AUTH}/profile/edit/preferences"
SPORTS = f"{AUTH}/profile/edit/sports"
RESET_SPORT = f"{AUTH}/profile/reset/sports/"
ACCOUNT = f"{AUTH}/profile/edit/account"
PICTURE = f"{AUTH}/picture"
LOGOUT = f"{AUTH}/logout"
POLICY = f"{AUTH}/account/privacy-policy"
EXPORT = f"{AUTH}/account/export"
EXPORT_REQUEST = f"{AUTH}/account/export/request"
APPS = "/api/oauth/apps"

PREFERENCES_OF_A_NEW_USER: dict[str, Any] = {
    "date_format": "MM/dd/yyyy",
    "display_ascent": True,
    "imperial_units": False,
    "language": "en",
    "start_elevation_at_zero": True,
    "timezone": "Europe/Paris",
    "use_dark_mode": False,
    "use_raw_gpx_speed": False,
    "weekm": False,
}


def user(name: str, **changes: Any) -> dict[str, Any]:
    """The user object of a confirmed account without workouts, with changes."""
    return {
        **PREFERENCES_OF_A_NEW_USER,
        "accepted_privacy_policy": True,
        "admin": False,
        "bio": None,
        "birth_date": None,
        "created_at": DATE,
        "email": f"{name}@example.org",
        "email_to_confirm": None,
        "first_name": None,
        "is_active": True,
        "last_name": None,
        "location": None,
        "nb_sports": 0,
        "nb_workouts": 0,
        "picture": False,
        "records": [],
        "sports_list": [],
        "total_ascent": 0.0,
        "total_distance": 0.0,
        "total_duration": "0:00:00",
        "username": name,
        **changes,
    }


def profile(name: str, **changes: Any) -> Expected:
    return ok(data=user(name, **changes))


TYPES = ["Shoes", "Bike", "Bike Trainer", "Kayak_Boat", "Skis", "Snowshoes"]


def equipment_type(number: int) -> dict[str, Any]:
    return {"id": number, "is_active": True, "label": TYPES[number - 1]}


def equipment(label: str, kind: int, **changes: Any) -> dict[str, Any]:
    """A piece of equipment that was never used."""
    return {
        "creation_date": DATE,
        "default_for_sport_ids": [],
        "description": None,
        "equipment_type": equipment_type(kind),
        "id": SHORT_ID,
        "is_active": True,
        "label": label,
        "total_distance": 0.0,
        "total_duration": "0:00:00",
        "total_moving": "0:00:00",
        "user_id": NUMBER,
        "workouts_count": 0,
        **changes,
    }


SPORT_LABELS = [
    "Cycling (Sport)",
    "Cycling (Transport)",
    "Hiking",
    "Mountain Biking",
    "Running",
    "Walking",
    "Mountain Biking (Electric)",
    "Trail",
    "Skiing (Alpine)",
    "Skiing (Cross Country)",
    "Rowing",
    "Snowshoes",
    "Cycling (Virtual)",
    "Mountaineering",
    "Paragliding",
    "Open Water Swimming",
    "Cycling (Trekking)",
    "Swimrun",
]
SLOW_SPORTS = (3, 6, 8, 10, 12, 14, 15, 16, 18)


def threshold(sport: int) -> float:
    return 0.1 if sport in SLOW_SPORTS else 1.0


def sport(number: int, **changes: Any) -> dict[str, Any]:
    """A sport as a user sees it who never touched it."""
    return {
        "color": None,
        "default_equipments": [],
        "id": number,
        "is_active": True,
        "is_active_for_user": True,
        "label": SPORT_LABELS[number - 1],
        "stopped_speed_threshold": threshold(number),
        **changes,
    }


def preference(number: int, **changes: Any) -> dict[str, Any]:
    """A sport preference of a user who never set it."""
    return {
        "color": None,
        "default_equipments": [],
        "is_active": True,
        "sport_id": number,
        "stopped_speed_threshold": threshold(number),
        "user_id": NUMBER,
        **changes,
    }
