"""The forms of the account pages. The library's forms keep their checks; labels, hints and fields are ours."""

from __future__ import annotations

import unicodedata
from typing import Any

from flask_security.change_email import ChangeEmailForm
from flask_security.forms import (
    ChangePasswordForm,
    EmailValidation,
    ForgotPasswordForm,
    IsString,
    LoginForm,
    RegisterFormV2,
    ResetPasswordForm,
    SendConfirmationForm,
    TwoFactorRescueForm,
    TwoFactorSetupForm,
    TwoFactorVerifyCodeForm,
    VerifyForm,
    email_required,
    password_required,
    unique_user_email,
    valid_user_email,
)
from flask_security.recovery_codes import MfRecoveryForm
from flask_security.tf_plugin import TwoFactorSelectForm
from flask_security.webauthn import WebAuthnRegisterForm, WebAuthnSigninForm, WebAuthnSigninResponseForm
from flask_wtf import FlaskForm  # type: ignore[import-untyped]
from wtforms import BooleanField, EmailField, Field, PasswordField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length, ValidationError

from matsapply.pages.account.config import MESSAGES, SHORTEST_PASSWORD
from matsapply.pages.account.passwords import PasswordJudge
from matsapply.pages.widgets import viewer_zone
from matsapply.pages.zones import ZoneField, inhabited_zones
from matsapply.people.actions import NAME_LENGTH
from matsapply.people.addresses import ADDRESS_LENGTH
from matsapply.platform import languages
from matsapply.platform.languages import lazy_gettext as _l

PASSWORD_HINT = _l(
    "At least %(least)s characters. A few words that do not belong together are good.", least=SHORTEST_PASSWORD
)
PASSWORD = _l("Password")
WAYS = {"authenticator": _l("A code of my authenticator app"), "webauthn": _l("A passkey or security key")}
ADDRESS_TOO_LONG = _l("An address has at most %(most)s characters.", most=ADDRESS_LENGTH)


def one_line(form: FlaskForm, field: Field) -> None:
    """A name is one line of letters people can read: no line breaks, control or direction characters."""
    text = field.data or ""
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in text.strip()):
        raise ValidationError(_l("Write the name on one line."))
    if any(0x202A <= ord(letter) <= 0x202E or 0x2066 <= ord(letter) <= 0x2069 for letter in text):
        raise ValidationError(_l("The name contains a character that changes the direction of the text."))
    if not text.strip():
        raise ValidationError(_l("Enter your name."))


def _name_field() -> StringField:
    return StringField(
        _l("Your name"),
        [
            InputRequired(_l("Enter your name.")),
            Length(max=NAME_LENGTH, message=_l("At most %(most)s characters.", most=NAME_LENGTH)),
            one_line,
        ],
        description=_l("As you want to be called, in any script."),
        render_kw={"autocomplete": "name"},
    )


def _zone_field() -> ZoneField:
    return ZoneField(
        _l("Time zone"),
        [InputRequired(_l("Choose your time zone."))],
        choices=inhabited_zones,
        default=viewer_zone,
        description=_l("Every date is shown in this zone, beside Anywhere on Earth and UTC."),
    )


def _bare(text: Any) -> Any:
    return text.strip() if isinstance(text, str) else text


def _address_field(*validators: Any, **more: Any) -> EmailField:
    return EmailField(
        _l("E-mail address"),
        [IsString(), email_required, Length(max=ADDRESS_LENGTH, message=ADDRESS_TOO_LONG), *validators],
        render_kw={"autocomplete": "email", "spellcheck": "false"},
        filters=[_bare],
        **more,
    )


def _present_password(label: Any = PASSWORD) -> PasswordField:
    return PasswordField(label, [IsString(), password_required], render_kw={"autocomplete": "current-password"})


def _new_password(label: Any = PASSWORD) -> PasswordField:
    return PasswordField(
        label,
        [IsString(), password_required],
        description=PASSWORD_HINT,
        render_kw={"autocomplete": "new-password"},
    )


class SignInForm(LoginForm):
    email = _address_field(EmailValidation(verify=False))
    password = PasswordField(
        _l("Password"), [IsString(), password_required], description=" ", render_kw={"autocomplete": "current-password"}
    )
    remember = None  # type: ignore[assignment]


class JoinForm(RegisterFormV2):
    display_name = _name_field()
    email = _address_field(EmailValidation(verify=True), unique_user_email)
    password = _new_password()
    time_zone = _zone_field()

    def to_dict(self, only_user: bool) -> dict[str, Any]:
        """The facts ``AccountStore.create_user`` needs."""
        names = ("display_name", "email", "password", "time_zone")
        return {name: getattr(self, name).data for name in names}


class ForgottenForm(ForgotPasswordForm):
    email = _address_field(EmailValidation(verify=True), valid_user_email)

    def validate(self, **kwargs: Any) -> bool:
        """Also for an address that was never confirmed: the link proves it, and ends the hopes of whoever registered
        somebody else's address with a password of their own."""
        if super().validate(**kwargs):
            return True
        if self.requires_confirmation:
            self.email.errors = []
        return bool(self.requires_confirmation)


class ConfirmAgainForm(SendConfirmationForm):
    email = _address_field(EmailValidation(verify=True), valid_user_email)


class NewPasswordForm(ResetPasswordForm):
    password = _new_password(_l("New password"))
    password_confirm = None  # type: ignore[assignment]


class ChangeForm(ChangePasswordForm):
    password = PasswordField(_l("Present password"), render_kw={"autocomplete": "current-password"})
    new_password = _new_password(_l("New password"))
    new_password_confirm = None  # type: ignore[assignment]


class NewAddressForm(ChangeEmailForm):
    email = EmailField(
        _l("New e-mail address"),
        [
            IsString(),
            email_required,
            Length(max=ADDRESS_LENGTH, message=ADDRESS_TOO_LONG),
            EmailValidation(verify=True),
            unique_user_email,
        ],
        description=_l("We send a link there; the change is made when you open it."),
        filters=[_bare],
        render_kw={"autocomplete": "email", "spellcheck": "false"},
    )


class ItIsMeForm(VerifyForm):
    password = _present_password()


class FactorForm(TwoFactorSetupForm):
    setup = RadioField(
        _l("What should change?"),
        choices=[
            SelectChoice("authenticator", _l("Ask for a code of my authenticator app")),
            SelectChoice("disable", _l("Stop asking for codes")),
        ],
        default="authenticator",
        validate_choice=False,
    )


class CodeForm(TwoFactorVerifyCodeForm):
    code = StringField(
        _l("Code"),
        [InputRequired(_l("Enter the six digits the app shows."))],
        description=_l("The six digits the app shows now."),
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "maxlength": "10"},
    )


class WaysField(RadioField):
    """The library sets the ways a person can take as (value, label) pairs."""

    @property
    def choices(self) -> Any:
        return super().choices

    @choices.setter
    def choices(self, ways: Any) -> None:
        pairs = [tuple(way) for way in ways or ()]
        RadioField.choices.fset(self, [SelectChoice(value, WAYS.get(value, label)) for value, label in pairs])  # type: ignore[union-attr]


class SecondStepForm(TwoFactorSelectForm):
    which = WaysField(_l("How do you want to confirm that it is you?"))


class NoRescueForm(TwoFactorRescueForm):
    """The library makes one for the page of the code; that page of ours links to the recovery codes instead."""

    help_setup = RadioField(choices=[])


class RecoveryCodeForm(MfRecoveryForm):
    code = StringField(
        _l("Recovery code"),
        [InputRequired(_l("Enter one of your recovery codes."))],
        description=_l("One of the codes you kept when you set up the second step. Each works once."),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )


class PasskeyForm(WebAuthnRegisterForm):
    name = StringField(
        _l("Name of the passkey"),
        [InputRequired(_l("Give the passkey a name, such as “work laptop”.")), Length(max=64)],
        description=_l("So that you know it again, such as “work laptop”."),
    )
    usage = RadioField(
        _l("What it is for"),
        choices=[
            SelectChoice("secondary", _l("A second step after the password")),
            SelectChoice("first", _l("Signing in without a password")),
        ],
        default="secondary",
    )


class PasskeySignInForm(WebAuthnSigninForm):
    remember = BooleanField(default=False)


class PasskeyAnswerForm(WebAuthnSigninResponseForm):
    """What the browser hands over. In place of a password only an unlocked passkey is taken, and none for an account
    that is closed: the library notes both and goes on."""

    def validate(self, **kwargs: Any) -> bool:
        if not super().validate(**kwargs) or self.credential.errors:
            return False
        if self.mf_check or self.is_secondary or self.is_verify:
            return True
        self.credential.errors.append(MESSAGES["WEBAUTHN_NO_VERIFY"][0])
        return False


class ProfileForm(FlaskForm):  # type: ignore[misc]
    display_name = _name_field()
    time_zone = _zone_field()
    language = SelectField(
        _l("Language"),
        [InputRequired(_l("Choose a language."))],
        choices=languages.NAMES,
        description=_l("Pages and mails are written in it. What a cohort's team wrote stays as it is."),
    )


class WelcomeForm(FlaskForm):  # type: ignore[misc]
    """What somebody who was invited fills in once."""

    display_name = _name_field()
    password = _new_password()
    time_zone = _zone_field()

    def __init__(self, *args: Any, judge: PasswordJudge, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.judge, self.address = judge, email

    def validate_password(self, field: Field) -> None:
        problems, field.data = self.judge.validate(field.data or "", True, email=self.address)
        if problems:
            raise ValidationError(problems[0])
