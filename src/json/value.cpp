#include "json/value.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace json {

// ---------------------------------------------------------------- objects

Object::Object() = default;
Object::Object(std::initializer_list<Field> fields) : fields_(fields) {}
Object::Object(const Object&) = default;
Object::Object(Object&&) noexcept = default;
Object& Object::operator=(const Object&) = default;
Object& Object::operator=(Object&&) noexcept = default;
Object::~Object() = default;

Value& Object::operator[](std::string_view name) {
    for (auto& field : fields_)
        if (field.name == name)
            return field.value;
    fields_.push_back({std::string(name), {}});
    return fields_.back().value;
}

const Value& Object::get(std::string_view name) const {
    static const Value null;
    const auto found = std::ranges::find(fields_, name, &Field::name);
    return found == fields_.end() ? null : found->value;
}

void Object::update(const Object& other) {
    for (const auto& field : other)
        (*this)[field.name] = field.value;
}

bool Object::empty() const {
    return fields_.empty();
}
const Field* Object::begin() const {
    return fields_.data();
}
const Field* Object::end() const {
    return fields_.data() + fields_.size();
}

bool Object::operator==(const Object& other) const {
    return std::ranges::is_permutation(fields_, other.fields_);
}

// ---------------------------------------------------------------- values

Value::Value() noexcept = default;
Value::Value(std::nullopt_t) noexcept {}
Value::Value(double value) noexcept : value_(value) {}
Value::Value(const char* text) : value_(std::string(text)) {}
Value::Value(std::string_view text) : value_(std::string(text)) {}
Value::Value(std::string text) : value_(std::move(text)) {}
Value::Value(Array items) : value_(std::move(items)) {}
Value::Value(const std::vector<std::string>& texts) : value_(Array(texts.begin(), texts.end())) {}
Value::Value(const std::vector<std::int64_t>& numbers)
    : value_(Array(numbers.begin(), numbers.end())) {}
Value::Value(Object object) : value_(std::move(object)) {}
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

bool Value::is_null() const {
    return std::holds_alternative<std::monostate>(value_);
}
bool Value::is_integer() const {
    return std::holds_alternative<std::int64_t>(value_);
}
bool Value::is_array() const {
    return std::holds_alternative<Array>(value_);
}
bool Value::is_object() const {
    return std::holds_alternative<Object>(value_);
}

template <typename Content>
const Content& Value::get(const char* kind) const {
    if (const auto* content = std::get_if<Content>(&value_))
        return *content;
    throw JsonError(std::string("not ") + kind + " in JSON: " + dump(*this, BadBytes::replace));
}

bool Value::boolean() const {
    return get<bool>("a boolean");
}
std::int64_t Value::integer() const {
    return get<std::int64_t>("an integer");
}
double Value::number() const {
    return is_integer() ? static_cast<double>(integer()) : get<double>("a number");
}
const std::string& Value::text() const& {
    return get<std::string>("a string");
}
std::string Value::text() && {
    return text();
}
std::optional<std::string> Value::optional_text() const {
    return is_null() ? std::nullopt : std::optional(text());
}
const Array& Value::array() const& {
    return get<Array>("an array");
}
Array Value::array() && {
    return array();
}
std::vector<std::string> Value::texts() const {
    std::vector<std::string> list;
    for (const auto& item : array())
        list.push_back(item.text());
    return list;
}
const Object& Value::object() const& {
    return get<Object>("an object");
}
Object Value::object() && {
    return object();
}

const Value& Value::at(std::size_t index) const {
    const auto& items = array();
    if (index < items.size())
        return items[index];
    throw JsonError("no item " + std::to_string(index) +
                    " in JSON: " + dump(*this, BadBytes::replace));
}

const Value& Value::at(std::string_view name) const {
    for (const auto& field : object())
        if (field.name == name)
            return field.value;
    throw JsonError("no " + std::string(name) + " in JSON: " + dump(*this, BadBytes::replace));
}

bool Value::operator==(const Value& other) const {
    return value_ == other.value_;
}

// ---------------------------------------------------------------- reading

namespace {

/// The handler of nlohmann's parser (its json_sax). Member functions return true to continue.
class Reader {
  public:
    Value take() { return std::move(root_); }

    bool null() { return add({}); }
    bool boolean(bool value) { return add(value); }
    bool number_integer(std::int64_t value) { return add(value); }
    bool number_unsigned(std::uint64_t value) {
        return std::in_range<std::int64_t>(value) ? add(value) : add(static_cast<double>(value));
    }
    bool number_float(double value, const std::string& /*text*/) { return add(value); }
    bool string(std::string& value) { return add(std::move(value)); }
    bool binary(std::vector<std::uint8_t>& /*value*/) { return false; } // does not occur in JSON

    bool start_array(std::size_t /*size*/) { return open(false); }
    bool start_object(std::size_t /*size*/) { return open(true); }
    bool key(std::string& name) {
        open_.back().name = std::move(name);
        return true;
    }
    bool end_array() { return close(); }
    bool end_object() { return close(); }

    [[noreturn]] bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                                  const std::exception& error) {
        throw JsonError(error.what());
    }

  private:
    /// An array or object that is being read, and the name of the next field.
    struct Open {
        bool is_object = false;
        Array array{};
        Object object{};
        std::string name{};
    };

    bool open(bool is_object) {
        constexpr std::size_t deepest = 100;
        if (open_.size() == deepest)
            throw JsonError("JSON is nested too deeply");
        open_.push_back({.is_object = is_object});
        return true;
    }

    bool close() {
        auto whole = std::move(open_.back());
        open_.pop_back();
        return whole.is_object ? add(std::move(whole.object)) : add(std::move(whole.array));
    }

    bool add(Value value) {
        if (open_.empty())
            root_ = std::move(value);
        else if (open_.back().is_object)
            open_.back().object[open_.back().name] = std::move(value);
        else
            open_.back().array.push_back(std::move(value));
        return true;
    }

    Value root_;
    std::vector<Open> open_;
};

} // namespace

Value parse(std::string_view text) {
    Reader reader;
    nlohmann::json::sax_parse(text, &reader);
    return reader.take();
}

// ---------------------------------------------------------------- writing

class Writer {
  public:
    explicit Writer(BadBytes bad) : bad_(bad) {}

    std::string take() { return std::move(out_); }

    void write(const Value& value) { std::visit(*this, value.value_); }

    void operator()(std::monostate /*null*/) { out_ += "null"; }
    void operator()(bool value) { out_ += value ? "true" : "false"; }
    void operator()(std::int64_t value) { out_ += std::to_string(value); }
    void operator()(double value) { out_ += nlohmann::json(value).dump(); }

    void operator()(const std::string& text) {
        const bool plain = std::ranges::all_of(
            text, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
        if (plain)
            out_.append(1, '"').append(text).append(1, '"');
        else
            write_escaped(text);
    }

    void operator()(const Array& items) {
        write_list('[', items, ']', [&](const Value& item) { write(item); });
    }

    void operator()(const Object& object) {
        write_list('{', object, '}', [&](const Field& field) {
            (*this)(field.name);
            out_ += ':';
            write(field.value);
        });
    }

  private:
    void write_escaped(const std::string& text) {
        using Handler = nlohmann::json::error_handler_t;
        try {
            out_ += nlohmann::json(text).dump(
                -1, ' ', false, bad_ == BadBytes::replace ? Handler::replace : Handler::strict);
        } catch (const nlohmann::json::exception& error) {
            throw JsonError(error.what());
        }
    }

    void write_list(char begin, const auto& items, char end, const auto& write_item) {
        out_ += begin;
        bool first = true;
        for (const auto& item : items) {
            if (!first)
                out_ += ',';
            first = false;
            write_item(item);
        }
        out_ += end;
    }

    BadBytes bad_;
    std::string out_;
};

std::string dump(const Value& value, BadBytes bad) {
    Writer writer(bad);
    writer.write(value);
    return writer.take();
}

} // namespace json
